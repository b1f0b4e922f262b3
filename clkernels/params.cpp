// Tactics and their spaces.
#include "clkernels/params.hpp"

#include <algorithm>
#include <charconv>

#include "tessera/error.hpp"

namespace tessera {

int Tactic::get(std::string_view name) const {
  for (const auto& [key, value] : values_)
    if (key == name) return value;
  throw Error(ErrorCode::Internal, "tactic '" + text() + "' lacks " + std::string(name));
}

void Tactic::set(const std::string& name, int value) {
  for (auto& [key, old] : values_)
    if (key == name) {
      old = value;
      return;
    }
  values_.emplace_back(name, value);
}

std::string Tactic::text() const {
  std::string out;
  for (const auto& [key, value] : values_)
    out += (out.empty() ? "" : ",") + key + "=" + std::to_string(value);
  return out;
}

Tactic Tactic::parse(std::string_view text) {
  Tactic tactic;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    const auto equals = item.find('=');
    int value = 0;
    const char* end = item.data() + item.size();
    if (equals == std::string_view::npos || equals == 0 ||
        std::from_chars(item.data() + equals + 1, end, value).ptr != end || equals + 1 == item.size())
      throw Error(ErrorCode::BadCache, "not a tactic: '" + std::string(item) + "'");
    tactic.set(std::string(item.substr(0, equals)), value);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return tactic;
}

std::vector<std::pair<std::string, std::string>> tacticDefines(const Tactic& tactic) {
  std::vector<std::pair<std::string, std::string>> defines;
  for (const auto& [key, value] : tactic.values()) defines.emplace_back("T_" + key, std::to_string(value));
  return defines;
}

std::string TacticSpace::whyNot(const Tactic& tactic) const {
  if (tactic.values().size() != parameters.size()) return "it has other parameters than the space";
  for (const auto& parameter : parameters) {
    const auto it = std::find_if(tactic.values().begin(), tactic.values().end(),
                                 [&](const auto& v) { return v.first == parameter.name; });
    if (it == tactic.values().end()) return "it lacks " + parameter.name;
    if (std::find(parameter.values.begin(), parameter.values.end(), it->second) == parameter.values.end())
      return parameter.name + "=" + std::to_string(it->second) + " is not offered";
  }
  for (const auto& constraint : constraints)
    if (!constraint.holds(tactic)) return constraint.reason;
  return {};
}

std::uint64_t TacticSpace::size() const {
  std::uint64_t n = 1;
  for (const auto& parameter : parameters) n *= parameter.values.size();
  return n;
}

std::vector<Tactic> TacticSpace::members() const {
  std::vector<Tactic> all;
  const std::uint64_t n = size();
  for (std::uint64_t i = 0; i < n; ++i) {
    Tactic tactic;
    std::uint64_t rest = i;
    for (const auto& parameter : parameters) {
      tactic.set(parameter.name, parameter.values[rest % parameter.values.size()]);
      rest /= parameter.values.size();
    }
    if (std::all_of(constraints.begin(), constraints.end(), [&](const auto& c) { return c.holds(tactic); }))
      all.push_back(std::move(tactic));
  }
  return all;
}

}  // namespace tessera
