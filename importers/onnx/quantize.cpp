// Quantisation: linear quantise and dequantise, and the integer operators spelled out with them.
#include "importers/onnx/matmul.hpp"
#include "importers/onnx/tensor_value.hpp"
#include "importers/onnx/window.hpp"

namespace tessera::onnx {
namespace {

/// Scales and zero points with one element become scalars.
TensorId scalarOrList(Node& node, TensorId id) {
  if (id == kNoTensor || elementCount(node.shapeOf(id)) != 1) return id;
  return node.reshape(id, {}, "scalar");
}

TensorId dequantized(Node& node, TensorId x, TensorId scale, TensorId zero, std::int64_t axis,
                     const std::string& part) {
  std::vector<TensorId> operands{x, scalarOrList(node, scale)};
  if (zero != kNoTensor) operands.push_back(scalarOrList(node, zero));
  return node.add("Dequantize", std::move(operands), {{"axis", axis}}, part);
}

TensorId quantized(Node& node, TensorId x, TensorId scale, TensorId zero, std::int64_t axis, DataType to,
                   const std::string& part) {
  std::vector<TensorId> operands{x, scalarOrList(node, scale)};
  if (zero != kNoTensor) operands.push_back(scalarOrList(node, zero));
  return node.add("Quantize", std::move(operands), {{"axis", axis}, {"to", std::string(toString(to))}}, part);
}

std::int64_t axisOf(const Node& node) {
  if (node.integer("block_size", 0) != 0)
    node.unsupported("its scales are those of blocks (block_size is set)");
  const std::int64_t axis = node.integer("axis", 1);
  return elementCount(node.shape(1)) == 1 ? 0 : node.axis(axis, node.rank(0));
}

void quantizeLinear(Node& node) {
  DataType to = DataType::UInt8;
  if (node.has(2)) {
    to = node.typeOf(node.in(2));
  } else if (const auto wanted = static_cast<int>(node.integer("output_dtype", 0)); wanted != 0) {
    to = heldType(wanted);
    if (to != DataType::UInt8 && to != DataType::Int8)
      node.unsupported("it quantises to " + elementTypeName(wanted) + "; INT8 and UINT8 are supported");
  }
  if (to != DataType::UInt8 && to != DataType::Int8)
    node.unsupported("it quantises to " + std::string(toString(to)) + "; i8 and u8 are supported");
  node.set(0, quantized(node, node.in(0), node.in(1), node.optional(2), axisOf(node), to, ""));
}

void dequantizeLinear(Node& node) {
  node.set(0, dequantized(node, node.in(0), node.in(1), node.optional(2), axisOf(node), ""));
}

/// Scale from the range of the values themselves, zero included.
void dynamicQuantize(Node& node) {
  const auto extreme = [&](const char* mode) {
    return node.add("Reduce", {node.in(0)},
                    {{"mode", mode}, {"axes", std::vector<std::int64_t>{}}, {"keepdims", 0}}, mode);
  };
  const TensorId zero = node.scalar(DataType::Float32, 0, "zero");
  const TensorId low = node.add("Min", {extreme("min"), zero}, {}, "low"),
                 high = node.add("Max", {extreme("max"), zero}, {}, "high");
  const TensorId scale = node.add(
      "Div", {node.add("Sub", {high, low}, {}, "range"), node.scalar(DataType::Float32, 255, "codes")}, {},
      "scale");
  const TensorId offset = node.add("Div", {node.add("Sub", {zero, low}, {}, "offset"), scale}, {}, "offset");
  const TensorId code =
      node.add("Clip", {node.add("Round", {offset}, {}, "round")}, {{"alpha", 0.0}, {"beta", 255.0}}, "code");
  const TensorId point = node.cast(code, DataType::UInt8);
  node.set(0, quantized(node, node.in(0), scale, point, 0, DataType::UInt8, ""));
  node.set(1, scale);
  node.set(2, point);
}

void qLinearConv(Node& node) {
  const TensorId x = dequantized(node, node.in(0), node.in(1), node.in(2), 0, "x");
  const TensorId weights = dequantized(node, node.in(3), node.in(4), node.in(5), 0, "weights");
  const Shape& extents = node.shape(3);
  if (extents.size() < 3) node.bad("the weights have too few extents");
  const SlidingWindow window = slidingWindow(node, {extents.begin() + 2, extents.end()});
  std::vector<TensorId> operands{x, weights};
  if (node.has(8)) {
    const TensorId scale =
        node.add("Mul", {scalarOrList(node, node.in(1)), scalarOrList(node, node.in(4))}, {}, "bias scale");
    operands.push_back(dequantized(node, node.in(8), scale, kNoTensor, 0, "bias"));
  }
  const TensorId y = node.add("Convolution", std::move(operands),
                              {{"strides", window.strides},
                               {"dilations", window.dilations},
                               {"pads", window.pads},
                               {"group", node.integer("group", 1)}});
  node.set(0, quantized(node, y, node.in(6), node.in(7), 0, node.typeOf(node.in(7)), "y"));
}

void qLinearMatMul(Node& node) {
  const TensorId a =
      dequantized(node, node.in(0), node.in(1), node.in(2), std::max<std::int64_t>(node.rank(0) - 2, 0), "a");
  const TensorId b =
      dequantized(node, node.in(3), node.in(4), node.in(5), std::max<std::int64_t>(node.rank(3) - 1, 0), "b");
  if (elementCount(node.shape(6)) != 1) node.unsupported("its result has a scale per row");
  node.set(0, quantized(node, matMul(node, a, b), node.in(6), node.in(7), 0, node.typeOf(node.in(7)), "y"));
}

/// Codes minus their zero point, in f32. `zeroShape` places a list of zero points among the extents.
TensorId centred(Node& node, std::size_t codes, std::size_t zero, const Shape& zeroShape) {
  const TensorId x = node.cast(node.in(codes), DataType::Float32);
  if (!node.has(zero)) return x;
  TensorId point = scalarOrList(node, node.in(zero));
  if (node.shapeOf(point).size() == 1) point = node.reshape(point, zeroShape, "zero");
  return node.add("Sub", {x, node.cast(point, DataType::Float32)}, {}, "centre");
}

/// Sums of products of codes are exact in f32 only up to 2^24.
void wantExact(const Node& node, std::int64_t terms) {
  if (terms * 255 * 255 >= (1 << 24))
    node.unsupported("its sums of " + std::to_string(terms) +
                     " integer products are not exact in f32; give the model "
                     "QuantizeLinear and DequantizeLinear around float operators instead");
}

void convInteger(Node& node) {
  const Shape& extents = node.shape(1);
  if (extents.size() < 3) node.bad("the weights have too few extents");
  const SlidingWindow window = slidingWindow(node, {extents.begin() + 2, extents.end()});
  wantExact(node, elementCount(extents) / std::max<std::int64_t>(extents[0], 1));
  Shape perChannel(extents.size(), 1);
  perChannel[0] = extents[0];
  const TensorId y = node.add("Convolution", {centred(node, 0, 2, {}), centred(node, 1, 3, perChannel)},
                              {{"strides", window.strides},
                               {"dilations", window.dilations},
                               {"pads", window.pads},
                               {"group", node.integer("group", 1)}});
  node.set(0, node.cast(y, DataType::Int32));
}

void matMulInteger(Node& node) {
  wantExact(node, node.shape(0).empty() ? 1 : node.shape(0).back());
  const std::int64_t rows = node.rank(0) > 1 ? node.shape(0)[static_cast<std::size_t>(node.rank(0) - 2)] : 1;
  const std::int64_t columns = node.shape(1).empty() ? 1 : node.shape(1).back();
  const TensorId y = matMul(node, centred(node, 0, 2, {rows, 1}), centred(node, 1, 3, {columns}));
  node.set(0, node.cast(y, DataType::Int32));
}

}  // namespace

void addRows_quantize(RowList& rows) {
  rows.push_back({"QuantizeLinear", 10, kNewest, quantizeLinear});
  rows.push_back({"DequantizeLinear", 10, kNewest, dequantizeLinear});
  rows.push_back({"DynamicQuantizeLinear", 11, kNewest, dynamicQuantize});
  rows.push_back({"QLinearConv", 10, kNewest, qLinearConv});
  rows.push_back({"QLinearMatMul", 10, kNewest, qLinearMatMul});
  rows.push_back({"ConvInteger", 10, kNewest, convInteger});
  rows.push_back({"MatMulInteger", 10, kNewest, matMulInteger});
}

}  // namespace tessera::onnx
