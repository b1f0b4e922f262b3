// QuantizeLinear, DequantizeLinear and their dynamic form.
#include "importers/onnx/quantize.hpp"
#include "importers/onnx/tensor_value.hpp"

#include "onnx/onnx.pb.h"

namespace tessera::onnx {

TensorId scalarOrList(Node& node, TensorId id) {
  if (id == kNoTensor || elementCount(node.shapeOf(id)) != 1) return id;
  return node.reshape(id, {}, "scalar");
}

Coded codedInput(const Node& node, std::size_t first) {
  return {node.in(first), node.in(first + 1), node.optional(first + 2)};
}

TensorId dequantized(Node& node, const Coded& x, std::int64_t axis, const std::string& part) {
  std::vector<TensorId> operands{x.codes, scalarOrList(node, x.scale)};
  if (x.zero != kNoTensor) operands.push_back(scalarOrList(node, x.zero));
  return node.add("Dequantize", std::move(operands), {{"axis", axis}}, part);
}

TensorId quantized(Node& node, TensorId x, TensorId scale, TensorId zero, std::int64_t axis, DataType to,
                   const std::string& part) {
  std::vector<TensorId> operands{x, scalarOrList(node, scale)};
  if (zero != kNoTensor) operands.push_back(scalarOrList(node, zero));
  return node.add("Quantize", std::move(operands), {{"axis", axis}, {"to", std::string(toString(to))}}, part);
}

void setQuantized(Node& node, TensorId x, std::size_t scale) {
  const TensorId zero = node.optional(scale + 1);
  const DataType to = zero == kNoTensor ? DataType::UInt8 : node.typeOf(zero);
  if (to != DataType::UInt8 && to != DataType::Int8)
    node.unsupported("it quantises to " + std::string(toString(to)) + "; i8 and u8 are supported");
  if (elementCount(node.shape(scale)) != 1) node.unsupported("its result has a scale per row or channel");
  node.set(0, quantized(node, x, node.in(scale), zero, 0, to, "y"));
}

Coded quantizedByRange(Node& node, TensorId x, const std::string& part) {
  const std::string at = part.empty() ? part : part + "/";
  const auto extreme = [&](const char* mode) {
    return node.add("Reduce", {x}, {{"mode", mode}, {"axes", std::vector<std::int64_t>{}}, {"keepdims", 0}},
                    at + mode);
  };
  const TensorId zero = node.scalar(DataType::Float32, 0, at + "zero");
  const TensorId low = node.add("Min", {extreme("min"), zero}, {}, at + "low"),
                 high = node.add("Max", {extreme("max"), zero}, {}, at + "high");
  const TensorId range = node.add("Sub", {high, low}, {}, at + "range");
  const TensorId codes = node.scalar(DataType::Float32, 255, at + "codes");
  const TensorId found = node.add("Div", {range, codes}, {}, at + "scale");
  // Zeros alone have no range: any scale gives their codes, and 1 is what other runtimes use.
  const TensorId empty = node.cast(node.add("Equal", {range, zero}, {}, at + "empty"), DataType::Float32);
  const TensorId scale = node.add("Add", {found, empty}, {}, at + "scale or 1");
  const TensorId offset =
      node.add("Div", {node.add("Sub", {zero, low}, {}, at + "offset"), scale}, {}, at + "offset");
  const TensorId code = node.add("Clip", {node.add("Round", {offset}, {}, at + "round")},
                                 {{"alpha", 0.0}, {"beta", 255.0}}, at + "code");
  const TensorId point = node.cast(code, DataType::UInt8);
  return {quantized(node, x, scale, point, 0, DataType::UInt8, part), scale, point};
}

namespace {

using tessera_onnx::Tensor;

std::int64_t axisOf(const Node& node) {
  if (node.integer("block_size", 0) != 0)
    node.unsupported("its scales are those of blocks (block_size is set)");
  const std::int64_t axis = node.integer("axis", 1);
  return elementCount(node.shape(1)) == 1 ? 0 : node.axis(axis, node.rank(0));
}

/// A scale or zero point among the extents of input 0.
TensorId alongAxis(Node& node, TensorId id, std::int64_t axis) {
  const std::int64_t count = elementCount(node.shapeOf(id));
  if (count == 1) return node.reshape(id, {}, "scalar");
  Shape shape(static_cast<std::size_t>(node.rank(0)), 1);
  shape[static_cast<std::size_t>(axis)] = count;
  return node.reshape(id, shape, "along axis");
}

/// Codes of 16 bits, held in i32. Every step is exact in f32: they stay below 2^24.
void quantizeTo16(Node& node, bool isSigned, std::int64_t axis) {
  const TensorId quotient = node.add("Div", {node.in(0), alongAxis(node, node.in(1), axis)}, {}, "quotient");
  TensorId code = node.add("Round", {quotient}, {}, "round");
  if (node.has(2)) {
    const TensorId zero = node.cast(alongAxis(node, node.in(2), axis), DataType::Float32);
    code = node.add("Add", {code, zero}, {}, "zero");
  }
  const double low = isSigned ? -32768 : 0;
  code = node.add("Clip", {code}, {{"alpha", low}, {"beta", low + 65535}}, "saturate");
  node.set(0, node.cast(code, DataType::Int32));
}

void quantizeLinear(Node& node) {
  const std::int64_t axis = axisOf(node);
  auto to = static_cast<int>(node.integer("output_dtype", 0));
  if (to == Tensor::UNDEFINED) {
    to = Tensor::UINT8;
    if (node.has(2)) {
      const DataType held = node.typeOf(node.in(2));
      to = held == DataType::UInt8  ? Tensor::UINT8
           : held == DataType::Int8 ? Tensor::INT8
                                    : node.state().elementType(node.in(2));
    }
  }
  if (to == Tensor::INT16 || to == Tensor::UINT16) return quantizeTo16(node, to == Tensor::INT16, axis);
  if (to != Tensor::UINT8 && to != Tensor::INT8)
    node.unsupported("it quantises to " + elementTypeName(to) + "; codes of 8 and 16 bits are supported");
  node.set(0, quantized(node, node.in(0), node.in(1), node.optional(2), axis,
                        to == Tensor::UINT8 ? DataType::UInt8 : DataType::Int8, ""));
}

void dequantizeLinear(Node& node) {
  node.set(0, dequantized(node, {node.in(0), node.in(1), node.optional(2)}, axisOf(node), ""));
}

void dynamicQuantize(Node& node) {
  const Coded coded = quantizedByRange(node, node.in(0));
  node.set(0, coded.codes);
  node.set(1, coded.scale);
  node.set(2, coded.zero);
}

}  // namespace

void addRows_quantize(RowList& rows) {
  rows.push_back({"QuantizeLinear", 10, kNewest, quantizeLinear});
  rows.push_back({"DequantizeLinear", 10, kNewest, dequantizeLinear});
  rows.push_back({"DynamicQuantizeLinear", 11, kNewest, dynamicQuantize});
  rows.push_back({"com.microsoft.QuantizeLinear", 1, kNewest, quantizeLinear});
  rows.push_back({"com.microsoft.DequantizeLinear", 1, kNewest, dequantizeLinear});
}

}  // namespace tessera::onnx
