#include "graph/alike.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace tessera {
namespace {

// Zero points are whole numbers, and which there are follows from scales: kernels differ by whether there is
// one.
bool isZeroPoint(std::string_view attribute) {
  return attribute == "zero" || attribute == "x_zero" || attribute == "residual_zero" || attribute == "zeros";
}

bool bothOrNone(std::int64_t a, std::int64_t b) { return (a == 0) == (b == 0); }

bool sameButFloats(std::string_view name, const AttributeValue& a, const AttributeValue& b) {
  if (a.index() != b.index()) return false;
  if (isZeroPoint(name)) {
    if (const auto* zero = std::get_if<std::int64_t>(&a)) return bothOrNone(*zero, std::get<std::int64_t>(b));
    if (const auto* zeros = std::get_if<std::vector<std::int64_t>>(&a))
      return std::ranges::equal(*zeros, std::get<std::vector<std::int64_t>>(b), bothOrNone);
  }
  if (std::holds_alternative<double>(a)) return true;
  if (const auto* list = std::get_if<std::vector<double>>(&a))
    return list->size() == std::get<std::vector<double>>(b).size();
  return a == b;
}

bool sameButFloats(const Layer& a, const Layer& b) {
  return a.name == b.name && a.op == b.op && a.inputs == b.inputs && a.outputs == b.outputs &&
         std::ranges::equal(a.attrs.all(), b.attrs.all(), [](const auto& one, const auto& other) {
           return one.first == other.first && sameButFloats(one.first, one.second, other.second);
         });
}

bool sameKind(const GraphTensor& a, const GraphTensor& b) {
  return a.name == b.name && a.type == b.type && a.shape == b.shape && a.isConstant() == b.isConstant();
}

}  // namespace

bool differInNumbersAlone(const Graph& a, const Graph& b) {
  return a.inputs() == b.inputs() && a.outputs() == b.outputs() &&
         std::ranges::equal(a.tensors(), b.tensors(), sameKind) &&
         std::ranges::equal(a.layers(), b.layers(),
                            [](const Layer& one, const Layer& other) { return sameButFloats(one, other); });
}

}  // namespace tessera
