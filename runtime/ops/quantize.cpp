// Quantize: y = saturate(rint(x / scale) + zero_point), as ONNX QuantizeLinear; NaN gives the zero point.
// Inputs: x f32, scale, zero_point?. Dequantize: y = (x - zero_point) * scale. Inputs: x (i8, u8, i32),
// scale, zero_point?. scale and zero_point hold one element, or one per element of the axis. Attributes: axis
// (1); to (i8, u8).
#include <algorithm>
#include <cmath>

#include "ops/follow.hpp"
#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

/// Checks scale and zero point, and that they fit x.
void wantParameters(const Attributes& attrs, std::span<const TensorDesc> inputs) {
  wantInputs(inputs, 2, 3);
  const TensorDesc& scale = inputs[1];
  if (scale.type != DataType::Float32) refuse("scale must be f32");
  if (inputs.size() > 2 && inputs[2].present() && inputs[2].size() != scale.size())
    refuse("scale and zero_point differ in size");
  if (scale.size() == 1) return;
  const auto axis = normalAxis(attrs.integer("axis", 1), inputs[0].shape.size());
  if (scale.shape.size() != 1 || scale.size() != inputs[0].shape[axis])
    refuse("scale must hold one element, or one per element of the axis");
}

/// Calls f(i, scale, zero point) for every element.
template <class F>
void forEachQuantized(const OpView& view, std::span<const HostTensor> inputs, F&& f) {
  const Shape& shape = inputs[0].shape;
  const bool single = inputs[1].size() == 1;
  const auto axis =
      single ? 0 : static_cast<std::size_t>(normalAxis(view.attrs.integer("axis", 1), shape.size()));
  const std::int64_t inner = single ? 1 : extentProduct(shape, axis + 1, shape.size());
  const bool hasZero = inputs.size() > 2 && !inputs[2].empty();
  for (std::int64_t i = 0; i < inputs[0].size(); ++i) {
    const std::int64_t c = single ? 0 : i / inner % shape[axis];
    f(i, inputs[1].as<float>()[c], hasZero ? inputs[2].integer(c) : 0);
  }
}

Attributes axisAttr(std::int64_t axis) { return {{"axis", axis}}; }

class Quantize final : public Operator {
 public:
  std::string_view name() const override { return "Quantize"; }
  bool takesHalf(std::size_t) const override { return false; }
  AttributeNames attributes() const override { return {"axis", "to"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantParameters(attrs, inputs);
    if (inputs[0].type != DataType::Float32) refuse("quantises f32 only");
    const bool hasZero = inputs.size() > 2 && inputs[2].present();
    const DataType to = attrs.has("to") ? parseDataType(attrs.string("to"))
                        : hasZero       ? inputs[2].type
                                        : DataType::UInt8;
    if (to != DataType::Int8 && to != DataType::UInt8) refuse("quantises to i8 or u8 only");
    if (hasZero && inputs[2].type != to) refuse("the zero point must have the type of the output");
    return {{to, inputs[0].shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto x = inputs[0].as<float>();
    const double low = outputs[0].type == DataType::Int8 ? -128 : 0, high = low + 255;
    forEachQuantized(view, inputs, [&](std::int64_t i, float scale, std::int64_t zero) {
      const float quotient = x[i] / scale;
      const double code = std::isnan(quotient) ? 0 : std::rint(quotient);
      outputs[0].setNumber(i, std::clamp(code + static_cast<double>(zero), low, high));
    });
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override { return {.broadcasts = true, .follow = followBroadcast}; }
  std::vector<OpInstance> samples() const override {
    const Fill wide = Fill::uniform(-20, 20), half = Fill::integers(-9, 9);
    const Fill scale = Fill::of(HostTensor::of<float>({}, {0.1f}));
    const Fill scales = Fill::of(HostTensor::of<float>({3}, {0.1f, 0.5f, 2}));
    const Fill zero = Fill::of(HostTensor::of<std::uint8_t>({}, {128}));
    const Fill zeros = Fill::of(HostTensor::of<std::int8_t>({3}, {0, -7, 100}));
    const TensorDesc one{DataType::UInt8, {}, {}}, three{DataType::Int8, {3}, {}};
    const std::string i8 = "i8";
    return {makeSample("Quantize", {{"to", i8}}, {f32({2, 3, 5, 7}), f32({})}, {wide, scale}),
            makeSample("Quantize", {}, {f32({2, 3, 5, 7}), f32({}), one}, {wide, scale, zero}),
            makeSample("Quantize", {}, {f32({2, 3, 5, 7}), f32({3}), three}, {half, scales, zeros}),
            makeSample("Quantize", axisAttr(-1), {f32({4, 3}), f32({3}), three}, {wide, scales, zeros})};
  }
};

class Dequantize final : public Operator {
 public:
  std::string_view name() const override { return "Dequantize"; }
  bool takesHalf(std::size_t) const override { return false; }
  AttributeNames attributes() const override { return {"axis"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantParameters(attrs, inputs);
    if (!isInteger(inputs[0].type) || inputs[0].type == DataType::Int64) refuse("takes i8, u8 or i32");
    if (inputs.size() > 2 && inputs[2].present() && inputs[2].type != inputs[0].type)
      refuse("the zero point must have the type of x");
    return {{DataType::Float32, inputs[0].shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    auto y = outputs[0].as<float>();
    forEachQuantized(view, inputs, [&](std::int64_t i, float scale, std::int64_t zero) {
      y[i] = static_cast<float>(inputs[0].integer(i) - zero) * scale;
    });
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override { return {.broadcasts = true, .follow = followBroadcast}; }
  std::vector<OpInstance> samples() const override {
    const Fill codes = Fill::integers(0, 127), anyCode = Fill::integers(-128, 127);
    const Fill scale = Fill::of(HostTensor::of<float>({}, {0.1f}));
    const Fill scales = Fill::of(HostTensor::of<float>({3}, {0.1f, 0.5f, 2}));
    const Fill zeros = Fill::of(HostTensor::of<std::int8_t>({3}, {0, -7, 100}));
    const auto of = [](DataType type, Shape shape) { return TensorDesc{type, std::move(shape), {}}; };
    return {
        makeSample("Dequantize", {}, {of(DataType::UInt8, {2, 3, 5, 7}), f32({})}, {codes, scale}),
        makeSample("Dequantize", {}, {of(DataType::Int32, {5, 7}), f32({})}, {anyCode, scale}),
        makeSample("Dequantize", {}, {of(DataType::Int8, {2, 3, 5, 7}), f32({3}), of(DataType::Int8, {3})},
                   {anyCode, scales, zeros}),
        makeSample("Dequantize", axisAttr(0), {of(DataType::Int8, {3, 4}), f32({3}), of(DataType::Int8, {3})},
                   {anyCode, scales, zeros})};
  }
};

}  // namespace

void addOperators_quantize(OperatorList& list) {
  static const Quantize quantize;
  static const Dequantize dequantize;
  list.push_back(&quantize);
  list.push_back(&dequantize);
}

}  // namespace tessera
