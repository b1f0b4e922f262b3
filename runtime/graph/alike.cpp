#include "graph/alike.hpp"

#include <algorithm>

namespace tessera {
namespace {

bool sameButFloats(const AttributeValue& a, const AttributeValue& b) {
  if (a.index() != b.index()) return false;
  if (std::holds_alternative<double>(a)) return true;
  if (const auto* list = std::get_if<std::vector<double>>(&a))
    return list->size() == std::get<std::vector<double>>(b).size();
  return a == b;
}

bool sameButFloats(const Layer& a, const Layer& b) {
  return a.name == b.name && a.op == b.op && a.inputs == b.inputs && a.outputs == b.outputs &&
         std::ranges::equal(a.attrs.all(), b.attrs.all(), [](const auto& one, const auto& other) {
           return one.first == other.first && sameButFloats(one.second, other.second);
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
