/// \file
/// Named attributes of a layer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tessera {

/// What an attribute may be: a number, a name, or a list of numbers.
using AttributeValue =
    std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>>;

/// Attributes by name, ordered, so that text and comparison are stable. A missing attribute reads as its
/// default; one of another kind than is asked for is an Error(InvalidArgument).
class Attributes {
 public:
  Attributes() = default;
  /// {{"group", 1}, {"activation", "Relu"}}, say.
  Attributes(std::initializer_list<std::pair<const std::string, AttributeValue>> values) : values_(values) {}

  /// Whether there is an attribute of that name.
  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
  /// A whole number; `fallback` where it is missing.
  std::int64_t integer(std::string_view name, std::int64_t fallback = 0) const;
  /// A number, whole ones included.
  double number(std::string_view name, double fallback = 0) const;
  /// A name.
  std::string string(std::string_view name, std::string fallback = {}) const;
  /// A list of whole numbers.
  std::vector<std::int64_t> integers(std::string_view name, std::vector<std::int64_t> fallback = {}) const;
  /// A list of numbers, whole ones included.
  std::vector<double> numbers(std::string_view name, std::vector<double> fallback = {}) const;

  /// Adds or replaces.
  Attributes& set(const std::string& name, AttributeValue value) {
    values_[name] = std::move(value);
    return *this;
  }
  void erase(std::string_view name);              ///< nothing where there is none of that name
  bool empty() const { return values_.empty(); }  ///< no attribute at all
  /// By name, in order.
  const std::map<std::string, AttributeValue, std::less<>>& all() const { return values_; }
  std::string text() const;  ///< "group=1 pads=[1,1,1,1] activation=Relu", by name; numbers round-trip
  bool operator==(const Attributes&) const = default;

 private:
  std::map<std::string, AttributeValue, std::less<>> values_;
};

}  // namespace tessera
