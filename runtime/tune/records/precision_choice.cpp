// Decisions about precision as text.
#include "tune/records/precision_choice.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "tune/records/lines.hpp"

namespace tessera {
namespace {

constexpr std::string_view kFull = "full;";

// Takes a number off the front of `text`, and the separator after it where there is one.
template <class T>
bool take(std::string_view& text, char separator, T& value) {
  const auto end = std::min(text.find(separator), text.size());
  const auto [at, error] = std::from_chars(text.data(), text.data() + end, value);
  if (error != std::errc{} || at != text.data() + end) return false;
  text.remove_prefix(std::min(end + 1, text.size()));
  return true;
}

std::string milliseconds(double value) {
  char text[40];
  std::snprintf(text, sizeof text, value < 1 ? "%.3f ms" : "%.2f ms", value);
  return text;
}

}  // namespace

std::string PrecisionDecision::text() const {
  std::string out = (full ? std::string(kFull) : "") + exactText(rulesMs) + ";" + exactText(ms) + ";";
  for (const KeptLayer& k : kept)
    out += std::to_string(k.layer) + ":" + exactText(k.reformat) + ":" + exactText(k.gain) + ";";
  return out;
}

std::optional<PrecisionDecision> PrecisionDecision::parse(std::string_view name, std::string_view text) {
  PrecisionDecision decision;
  decision.name = name;
  if (name != "rules" && name != "cut" && name != "fp32") return std::nullopt;
  decision.full = text.rfind(kFull, 0) == 0;
  if (decision.full) text.remove_prefix(kFull.size());
  if (!take(text, ';', decision.rulesMs) || !take(text, ';', decision.ms)) return std::nullopt;
  while (!text.empty()) {
    KeptLayer kept;
    if (!take(text, ':', kept.layer) || !take(text, ':', kept.reformat) || !take(text, ';', kept.gain) ||
        kept.layer < 0)
      return std::nullopt;
    decision.kept.push_back(kept);
  }
  return decision;
}

std::string PrecisionDecision::reason(const KeptLayer& k) const {
  const double reformat = std::max(k.reformat, 0.0);
  if (k.gain <= 0)
    return "kept fp32: " + milliseconds(-k.gain) + " faster than INT8, reformat " + milliseconds(reformat);
  if (k.reformat >= k.gain)
    return "kept fp32: reformat " + milliseconds(reformat) + " > gain " + milliseconds(k.gain);
  return "kept fp32: the whole network took " + milliseconds(ms) + " so, " + milliseconds(rulesMs) +
         " with INT8";
}

}  // namespace tessera
