// Named attributes.
#include "tessera/attributes.hpp"

#include <charconv>

#include "tessera/error.hpp"

namespace tessera {
namespace {

[[noreturn]] void wrongKind(std::string_view name) {
  throw Error(ErrorCode::InvalidArgument,
              "attribute " + std::string(name) + " has another type than expected");
}

template <class T>
T read(const std::map<std::string, AttributeValue, std::less<>>& values, std::string_view name, T fallback) {
  const auto it = values.find(name);
  if (it == values.end()) return fallback;
  if (const T* value = std::get_if<T>(&it->second)) return *value;
  wrongKind(name);
}

std::string numberText(double value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string valueText(const AttributeValue& value) {
  struct Printer {
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return numberText(v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const std::vector<std::int64_t>& v) const {
      std::string out;
      for (auto x : v) out += (out.empty() ? "" : ",") + std::to_string(x);
      return "[" + out + "]";
    }
    std::string operator()(const std::vector<double>& v) const {
      std::string out;
      for (auto x : v) out += (out.empty() ? "" : ",") + numberText(x);
      return "[" + out + "]";
    }
  };
  return std::visit(Printer{}, value);
}

}  // namespace

std::int64_t Attributes::integer(std::string_view name, std::int64_t fallback) const {
  return read<std::int64_t>(values_, name, fallback);
}
double Attributes::number(std::string_view name, double fallback) const {
  const auto it = values_.find(name);
  if (it != values_.end())
    if (const auto* whole = std::get_if<std::int64_t>(&it->second)) return static_cast<double>(*whole);
  return read<double>(values_, name, fallback);
}
std::string Attributes::string(std::string_view name, std::string fallback) const {
  return read<std::string>(values_, name, std::move(fallback));
}
std::vector<std::int64_t> Attributes::integers(std::string_view name,
                                               std::vector<std::int64_t> fallback) const {
  return read<std::vector<std::int64_t>>(values_, name, std::move(fallback));
}
std::vector<double> Attributes::numbers(std::string_view name, std::vector<double> fallback) const {
  if (const auto it = values_.find(name); it != values_.end())
    if (const auto* whole = std::get_if<std::vector<std::int64_t>>(&it->second))
      return {whole->begin(), whole->end()};
  return read<std::vector<double>>(values_, name, std::move(fallback));
}

void Attributes::erase(std::string_view name) {
  if (const auto it = values_.find(name); it != values_.end()) values_.erase(it);
}

std::string Attributes::text() const {
  std::string out;
  for (const auto& [name, value] : values_) out += (out.empty() ? "" : " ") + name + "=" + valueText(value);
  return out;
}

}  // namespace tessera
