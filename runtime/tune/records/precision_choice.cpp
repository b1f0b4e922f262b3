// Decisions about precision as text.
#include "tune/records/precision_choice.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "tune/records/lines.hpp"

namespace tessera {
namespace {

constexpr std::string_view kFull = "full;";
// Before the times of a layer: in fp16 instead of INT8, in fp32 instead of fp16; nothing is in fp32 instead
// of INT8.
constexpr std::string_view kHalf = "fp16:", kNotHalf = "fp32:";

std::string_view markOf(const KeptLayer& k) {
  return k.precision == Precision::Fp16 ? kHalf : k.rule == Precision::Fp16 ? kNotHalf : std::string_view();
}

// Takes the mark off the front of `text`.
void takeMark(std::string_view& text, KeptLayer& k) {
  if (text.starts_with(kHalf)) k.precision = Precision::Fp16;
  if (text.starts_with(kNotHalf)) k.rule = Precision::Fp16;
  text.remove_prefix(markOf(k).size());
}

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
    out += std::to_string(k.layer) + ":" + std::string(markOf(k)) + exactText(k.reformat) + ":" +
           exactText(k.gain) + ";";
  return out;
}

std::optional<PrecisionDecision> PrecisionDecision::parse(std::string_view name, std::string_view text) {
  PrecisionDecision decision;
  decision.name = name;
  if (name != "rules" && name != "cut" && name != "fp32" && name != "fp16") return std::nullopt;
  decision.full = text.rfind(kFull, 0) == 0;
  if (decision.full) text.remove_prefix(kFull.size());
  if (!take(text, ';', decision.rulesMs) || !take(text, ';', decision.ms)) return std::nullopt;
  while (!text.empty()) {
    KeptLayer kept;
    if (!take(text, ':', kept.layer) || kept.layer < 0) return std::nullopt;
    takeMark(text, kept);
    if (!take(text, ':', kept.reformat) || !take(text, ';', kept.gain)) return std::nullopt;
    decision.kept.push_back(kept);
  }
  return decision;
}

std::string PrecisionDecision::reason(const KeptLayer& k) const {
  const double reformat = std::max(k.reformat, 0.0);
  const std::string kept = "kept " + std::string(toString(k.precision)) + ": ";
  const std::string rule = k.rule == Precision::Int8 ? "INT8" : std::string(toString(k.rule));
  if (k.gain <= 0)
    return kept + milliseconds(-k.gain) + " faster than " + rule + ", reformat " + milliseconds(reformat);
  if (k.reformat >= k.gain)
    return kept + "reformat " + milliseconds(reformat) + " > gain " + milliseconds(k.gain);
  return kept + "the whole network took " + milliseconds(ms) + " so, " + milliseconds(rulesMs) + " with " +
         rule;
}

PrecisionPlan PrecisionDecision::plan(const PrecisionPlan& rules) const {
  PrecisionPlan plan = rules;
  if (name == "fp32" || name == "fp16")  // no layer asks for codes
    for (PlannedPrecision& layer : plan.layers)
      if (layer.precision == Precision::Int8) layer.precision = parsePrecision(name);
  for (const KeptLayer& k : kept) {
    if (k.layer < 0 || k.layer >= static_cast<int>(plan.layers.size()))
      throw Error(ErrorCode::BadCache, "a recorded choice of precisions names layer " +
                                           std::to_string(k.layer) + ", which the network does not have");
    plan.layers[k.layer] = {k.precision, reason(k)};
  }
  return plan;
}

}  // namespace tessera
