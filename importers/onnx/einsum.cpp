// Einsum.
#include "importers/common/einsum.hpp"

#include "importers/onnx/matmul.hpp"

namespace tessera::onnx {
namespace {

void einsumNode(Node& node) {
  std::vector<TensorId> operands;
  for (std::size_t i = 0; i < node.inputCount(); ++i) operands.push_back(node.in(i));
  node.set(0, tessera::einsum(node, node.string("equation", ""), operands,
                              [&](TensorId a, TensorId b) { return matMul(node, a, b); }));
}

}  // namespace

void addRows_einsum(RowList& rows) { rows.push_back({"Einsum", 12, kNewest, einsumNode}); }

}  // namespace tessera::onnx
