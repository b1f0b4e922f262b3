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

using AttributeValue =
    std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>>;

/// Attributes by name, ordered, so that text and comparison are stable. A missing attribute reads as its
/// default.
class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<const std::string, AttributeValue>> values) : values_(values) {}

  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
  std::int64_t integer(std::string_view name, std::int64_t fallback = 0) const;
  double number(std::string_view name, double fallback = 0) const;
  std::string string(std::string_view name, std::string fallback = {}) const;
  std::vector<std::int64_t> integers(std::string_view name, std::vector<std::int64_t> fallback = {}) const;
  std::vector<double> numbers(std::string_view name, std::vector<double> fallback = {}) const;

  Attributes& set(const std::string& name, AttributeValue value) {
    values_[name] = std::move(value);
    return *this;
  }
  void erase(std::string_view name);
  bool empty() const { return values_.empty(); }
  const std::map<std::string, AttributeValue, std::less<>>& all() const { return values_; }
  std::string text() const;  ///< "group=1 pads=[1,1,1,1] activation=Relu", by name; numbers round-trip
  bool operator==(const Attributes&) const = default;

 private:
  std::map<std::string, AttributeValue, std::less<>> values_;
};

}  // namespace tessera
