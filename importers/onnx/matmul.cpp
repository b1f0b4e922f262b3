// Matrix products: Gemm and MatMul become fully connected layers where one factor is constant.
#include "importers/onnx/matmul.hpp"

namespace tessera::onnx {
namespace {

TensorId transposed(Node& node, TensorId matrix, const std::string& part) {
  return node.add("Transpose", {matrix}, {{"perm", std::vector<std::int64_t>{1, 0}}}, part);
}

TensorId scaled(Node& node, TensorId x, double factor, const std::string& part) {
  if (factor == 1) return x;
  const DataType type = node.typeOf(x);
  const TensorId y =
      node.add("Affine", {node.cast(x, DataType::Float32)}, {{"alpha", factor}, {"beta", 0.0}}, part);
  return node.cast(y, type);
}

/// Bias of a fully connected layer, [outputs], where c is constant and the same for every row.
TensorId rowBias(Node& node, TensorId c, std::int64_t outputs, double beta) {
  if (c == kNoTensor || !node.valueOf(c)) return kNoTensor;
  const Shape& shape = node.shapeOf(c);
  const std::int64_t count = elementCount(shape);
  const bool perRow = shape.size() == 2 && shape[0] != 1;
  if (perRow || shape.size() > 2 || (count != 1 && count != outputs)) return kNoTensor;
  TensorId bias = scaled(node, node.reshape(c, {count}, "bias"), beta, "beta");
  if (count != outputs) bias = node.add("Expand", {bias}, {{"shape", Shape{outputs}}}, "bias");
  return bias;
}

void matmul(Node& node) {
  const TensorId a = node.in(0), b = node.in(1);
  const bool matrices = node.shapeOf(a).size() == 2 && node.shapeOf(b).size() == 2;
  if (matrices && node.valueOf(b) && !node.valueOf(a) && node.typeOf(a) == DataType::Float32)
    return node.result("FullyConnected", {a, transposed(node, b, "weights")});
  node.set(0, matMul(node, a, b));
}

}  // namespace

TensorId gemm(Node& node) {
  const bool transA = node.flag("transA"), transB = node.flag("transB");
  const double alpha = node.number("alpha", 1), beta = node.number("beta", 1);
  if (node.rank(0) != 2 || node.rank(1) != 2) node.bad("its factors have to be matrices");
  const TensorId a = transA ? transposed(node, node.in(0), "a") : node.in(0);
  const TensorId b = node.in(1), c = beta == 0 ? kNoTensor : node.optional(2);
  const std::int64_t outputs = node.shapeOf(b)[transB ? 0 : 1];
  const bool real = node.typeOf(a) == DataType::Float32;
  if (real && node.valueOf(b)) {
    const TensorId weights = scaled(node, transB ? b : transposed(node, b, "weights"), alpha, "alpha");
    const TensorId bias = rowBias(node, c, outputs, beta);
    std::vector<TensorId> operands{a, weights};
    if (bias != kNoTensor) operands.push_back(bias);
    TensorId y = node.add("FullyConnected", std::move(operands));
    if (c != kNoTensor && bias == kNoTensor)
      y = node.add("Add", {y, scaled(node, c, beta, "beta")}, {}, "sum");
    return y;
  }
  TensorId y = matMul(node, a, transB ? transposed(node, b, "b") : b);
  y = scaled(node, y, alpha, "alpha");
  if (c != kNoTensor) y = node.add("Add", {y, scaled(node, c, beta, "beta")}, {}, "sum");
  return y;
}

TensorId matMul(Node& node, TensorId a, TensorId b) {
  const DataType type = node.typeOf(a);
  if (type != DataType::Float32)
    node.unsupported("matrix products are defined for floating point only, these factors are " +
                     std::string(toString(type)));
  return node.add("MatMul", {a, b});
}

void addRows_matmul(RowList& rows) {
  rows.push_back({"Gemm", 1, kNewest, [](Node& node) { node.set(0, gemm(node)); }});
  rows.push_back({"MatMul", 1, kNewest, matmul});
}

}  // namespace tessera::onnx
