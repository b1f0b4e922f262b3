// Operators on codes that quantisers write: each is the float operator between DequantizeLinear and
// QuantizeLinear, which is how the formats define them. Those with names of com.microsoft are ONNX Runtime's.
#include <algorithm>

#include "importers/onnx/matmul.hpp"
#include "importers/onnx/quantize.hpp"
#include "importers/onnx/window.hpp"

namespace tessera::onnx {
namespace {

/// Inputs `first` to `first` + 2 as floats; a scale of several elements counts along `axis`.
TensorId floats(Node& node, std::size_t first, const std::string& part, std::int64_t axis = 0) {
  return dequantized(node, codedInput(node, first), axis, part);
}

void wantChannelsFirst(const Node& node) {
  if (node.flag("channels_last")) node.unsupported("its channels come last (channels_last = 1)");
}

/// Sums of 32 bits, whose scale is the product of the factors' scales.
TensorId bias(Node& node, std::size_t input, TensorId scale) {
  const std::int64_t axis = std::max<std::int64_t>(node.rank(input) - 1, 0);
  return dequantized(node, {node.in(input), scale, kNoTensor}, axis, "bias");
}

TensorId scaleOfProducts(Node& node, std::size_t a, std::size_t b) {
  return node.add("Mul", {scalarOrList(node, node.in(a)), scalarOrList(node, node.in(b))}, {}, "bias scale");
}

void qLinearConv(Node& node) {
  wantChannelsFirst(node);
  const TensorId x = floats(node, 0, "x"), weights = floats(node, 3, "weights");
  const Shape& extents = node.shape(3);
  if (extents.size() < 3) node.bad("the weights have too few extents");
  const SlidingWindow window = slidingWindow(node, {extents.begin() + 2, extents.end()});
  std::vector<TensorId> operands{x, weights};
  if (node.has(8)) operands.push_back(bias(node, 8, scaleOfProducts(node, 1, 4)));
  const TensorId y = node.add("Convolution", std::move(operands),
                              {{"strides", window.strides},
                               {"dilations", window.dilations},
                               {"pads", window.pads},
                               {"group", node.integer("group", 1)}});
  setQuantized(node, y, 6);
}

void qLinearMatMul(Node& node) {
  const TensorId a = floats(node, 0, "a", std::max<std::int64_t>(node.rank(0) - 2, 0));
  const TensorId b = floats(node, 3, "b", std::max<std::int64_t>(node.rank(3) - 1, 0));
  setQuantized(node, matMul(node, a, b), 6);
}

TensorId turnedMatrix(Node& node, TensorId matrix, bool turn, const std::string& part) {
  if (node.shapeOf(matrix).size() != 2) node.bad("its factors have to be matrices");
  if (!turn) return matrix;
  return node.add("Transpose", {matrix}, {{"perm", std::vector<std::int64_t>{1, 0}}}, part);
}

void qGemm(Node& node) {
  const bool transA = node.flag("transA"), transB = node.flag("transB");
  const double alpha = node.number("alpha", 1);
  const TensorId a = turnedMatrix(node, floats(node, 0, "a"), transA, "a turned"),
                 b = turnedMatrix(node, floats(node, 3, "b", transB ? 0 : 1), transB, "b turned");
  TensorId y = matMul(node, a, b);
  const auto scaled = [&](TensorId id, const char* part) {
    return alpha == 1 ? id : node.add("Affine", {id}, {{"alpha", alpha}, {"beta", 0.0}}, part);
  };
  y = scaled(y, "alpha");
  if (node.has(6)) {
    const TensorId scale = scaled(scaleOfProducts(node, 1, 4), "bias alpha");
    y = node.add("Add", {y, bias(node, 6, scale)}, {}, "sum");
  }
  if (node.has(7)) return setQuantized(node, y, 7);
  node.set(0, y);
}

void qLinearBinary(Node& node) {
  const TensorId a = floats(node, 0, "a"), b = floats(node, 3, "b");
  setQuantized(node, node.add(node.type() == "QLinearAdd" ? "Add" : "Mul", {a, b}), 6);
}

void qLinearUnary(Node& node) {
  const bool leaky = node.type() == "QLinearLeakyRelu";
  Attributes attrs;
  if (leaky) attrs.set("alpha", node.number("alpha", 0.01));
  setQuantized(node, node.add(leaky ? "LeakyRelu" : "Sigmoid", {floats(node, 0, "x")}, std::move(attrs)), 3);
}

void qLinearAveragePool(Node& node) {
  wantChannelsFirst(node);
  const SlidingWindow window = slidingWindow(node, {});
  const TensorId y = node.add("Pool", {floats(node, 0, "x")},
                              {{"mode", "average"},
                               {"kernel", window.kernel},
                               {"strides", window.strides},
                               {"dilations", window.dilations},
                               {"pads", window.pads},
                               {"ceil_mode", node.integer("ceil_mode", 0)},
                               {"count_include_pad", node.integer("count_include_pad", 0)}});
  setQuantized(node, y, 3);
}

void qLinearGlobalAveragePool(Node& node) {
  wantChannelsFirst(node);
  if (node.rank(0) < 3) node.bad("the input has no spatial extents");
  setQuantized(node, node.add("GlobalPool", {floats(node, 0, "x")}, {{"mode", "average"}}), 3);
}

void qLinearReduceMean(Node& node) {
  const auto axes = node.axes(node.integers("axes"), node.rank(0));
  const Attributes attrs{{"mode", "mean"}, {"axes", axes}, {"keepdims", node.integer("keepdims", 1)}};
  setQuantized(node, node.add("Reduce", {floats(node, 0, "x")}, attrs), 3);
}

void qLinearConcat(Node& node) {
  if (node.inputCount() < 5 || node.inputCount() % 3 != 2)
    node.bad("it wants a scale, a zero point, and three inputs per part");
  const std::int64_t axis = node.axis(node.integer("axis"), node.rank(2));
  std::vector<TensorId> parts;
  for (std::size_t i = 2; i < node.inputCount(); i += 3)
    parts.push_back(floats(node, i, "part" + std::to_string(i / 3)));
  setQuantized(node, node.add("Concat", std::move(parts), {{"axis", axis}}), 0);
}

void qLinearSoftmax(Node& node) {
  const TensorId x = floats(node, 0, "x");
  const Shape shape = node.shape(0);
  const std::int64_t axis = node.axis(node.integer("axis", -1), node.rank(0));
  if (node.integer("opset", 13) >= 13)
    return setQuantized(node, node.add("Softmax", {x}, {{"axis", axis}, {"log", 0}}), 3);
  // Before operator set 13 it runs over all extents from the axis on.
  Shape flat{1, 1};
  for (std::size_t i = 0; i < shape.size(); ++i)
    flat[static_cast<std::int64_t>(i) < axis ? 0 : 1] *= shape[i];
  const TensorId y = node.add("Softmax", {node.reshape(x, flat, "flatten")}, {{"axis", 1}, {"log", 0}});
  setQuantized(node, node.reshape(y, shape, "unflatten"), 3);
}

void qLinearWhere(Node& node) {
  if (node.typeOf(node.in(0)) != DataType::Bool) node.bad("its condition has to be bool");
  const TensorId x = floats(node, 1, "x"), y = floats(node, 4, "y");
  setQuantized(node, node.add("Where", {node.in(0), x, y}), 7);
}

}  // namespace

void addRows_qlinear(RowList& rows) {
  rows.push_back({"QLinearConv", 10, kNewest, qLinearConv});
  rows.push_back({"QLinearMatMul", 10, kNewest, qLinearMatMul});
  rows.push_back({"com.microsoft.QLinearConv", 1, kNewest, qLinearConv});
  rows.push_back({"com.microsoft.QGemm", 1, kNewest, qGemm});
  rows.push_back({"com.microsoft.QLinearAdd", 1, kNewest, qLinearBinary});
  rows.push_back({"com.microsoft.QLinearMul", 1, kNewest, qLinearBinary});
  rows.push_back({"com.microsoft.QLinearLeakyRelu", 1, kNewest, qLinearUnary});
  rows.push_back({"com.microsoft.QLinearSigmoid", 1, kNewest, qLinearUnary});
  rows.push_back({"com.microsoft.QLinearAveragePool", 1, kNewest, qLinearAveragePool});
  rows.push_back({"com.microsoft.QLinearGlobalAveragePool", 1, kNewest, qLinearGlobalAveragePool});
  rows.push_back({"com.microsoft.QLinearReduceMean", 1, kNewest, qLinearReduceMean});
  rows.push_back({"com.microsoft.QLinearConcat", 1, kNewest, qLinearConcat});
  rows.push_back({"com.microsoft.QLinearSoftmax", 1, kNewest, qLinearSoftmax});
  rows.push_back({"com.microsoft.QLinearWhere", 1, kNewest, qLinearWhere});
}

}  // namespace tessera::onnx
