/// \file
/// Tactics: named integer parameters of a kernel, typed inside a family, text outside.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace tessera {

/// Values of a family's tunables, by name in the family's order. Text form "TX=8,TK=2"; empty for none.
class Tactic {
 public:
  Tactic() = default;
  Tactic(std::initializer_list<std::pair<std::string, int>> values) : values_(values) {}
  int get(std::string_view name) const;  ///< throws Error(Internal) where it is missing
  void set(const std::string& name, int value);
  const std::vector<std::pair<std::string, int>>& values() const { return values_; }
  std::string text() const;
  static Tactic parse(
      std::string_view text);  ///< throws Error(BadCache) on anything that is not its text form
  bool operator==(const Tactic&) const = default;

 private:
  std::vector<std::pair<std::string, int>> values_;
};

/// A typed tactic declares `static constexpr auto fields()` returning a tuple of these; conversions follow
/// from it.
template <class T>
struct Field {
  const char* name;
  int T::*member;
};

template <class T>
Tactic toTactic(const T& typed) {
  Tactic tactic;
  std::apply([&](auto... field) { (tactic.set(field.name, typed.*(field.member)), ...); }, T::fields());
  return tactic;
}
template <class T>
T fromTactic(const Tactic& tactic) {
  T typed;
  std::apply([&](auto... field) { ((typed.*(field.member) = tactic.get(field.name)), ...); }, T::fields());
  return typed;
}
/// "T_<name>=<value>" for every field.
std::vector<std::pair<std::string, std::string>> tacticDefines(const Tactic& tactic);

/// The values each tunable may take, and constraints over them, each with the reason it exists.
struct TacticSpace {
  struct Parameter {
    std::string name;
    std::vector<int> values;
  };
  struct Constraint {
    std::string reason;
    std::function<bool(const Tactic&)> holds;
  };
  std::vector<Parameter> parameters;
  std::vector<Constraint> constraints;

  bool empty() const { return parameters.empty(); }
  /// Empty where the tactic is a member; otherwise why it is not.
  std::string whyNot(const Tactic& tactic) const;
  bool contains(const Tactic& tactic) const { return whyNot(tactic).empty(); }
  std::uint64_t size() const;  ///< before constraints
  /// Every member, in order; meant for spaces of up to some 100,000.
  std::vector<Tactic> members() const;
};

}  // namespace tessera
