// Reformat: the same values in another channel block or element type; lowering inserts it. Input: x.
// Attributes: to (element type of y; default x's), scale (of the i8 side; default 1).
//
// f32 -> i8: clamp(rint(x * r), -127, 127) with r = float(1 / double(scale)), NaN -> 0; i8 -> f32: float(x) *
// float(scale). f32 <-> f16 rounds to nearest even. Layouts are in the descriptions; the reference sees
// planar tensors.
#include <cmath>

#include "ops/moving.hpp"

namespace tessera {
namespace {

class Reformat final : public MovingOperator {
 public:
  Reformat() : MovingOperator("Reformat") {}
  AttributeNames attributes() const override { return {"scale", "to"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const DataType from = inputs[0].type;
    const DataType to = attrs.has("to") ? parseDataType(attrs.string("to")) : from;
    const auto known = [](DataType type) { return isFloat(type) || type == DataType::Int8; };
    if (to != from && (!known(from) || !known(to)))
      refuse("converts between f32, f16 and i8 only, not from " + std::string(toString(from)) + " to " +
             std::string(toString(to)));
    if (!(attrs.number("scale", 1) > 0)) refuse("attribute scale must be positive");
    return {{to, inputs[0].shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const HostTensor& x = inputs[0];
    HostTensor& y = outputs[0];
    if (x.type == y.type) {
      y.data = x.data;
      return;
    }
    const double scale = view.attrs.number("scale", 1);
    const float r = static_cast<float>(1.0 / scale), s = static_cast<float>(scale);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      const auto value = static_cast<float>(x.number(i));
      if (y.type == DataType::Int8)
        y.setNumber(i, std::isnan(value) ? 0 : std::fmin(std::fmax(std::rint(value * r), -127.0f), 127.0f));
      else
        y.setNumber(i, x.type == DataType::Int8 ? value * s : value);
    }
  }
  std::vector<OpInstance> samples() const override {
    const auto convert = [&](DataType from, const char* to, double scale, Shape shape, Fill fill) {
      return sample({{"to", std::string(to)}, {"scale", scale}}, {anyTensor(from, std::move(shape))}, {fill});
    };
    return {sample({}, {f32({2, 19, 5, 7})}),
            sample({}, {f32({1, 64, 9, 31})}),
            sample({}, {anyTensor(DataType::Int8, {2, 35, 3, 5})}, {anyInteger(DataType::Int8)}),
            sample({}, {anyTensor(DataType::Float16, {1, 16, 5, 5})}),
            convert(DataType::Float32, "i8", 0.02, {1, 19, 6, 7}, Fill::uniform(-4, 4)),
            convert(DataType::Int8, "f32", 0.02, {2, 19, 6, 7}, Fill::integers(-127, 127)),
            convert(DataType::Float32, "f16", 1, {1, 19, 6, 7}, Fill::uniform(-4, 4)),
            convert(DataType::Float16, "f32", 1, {1, 16, 6, 7}, Fill::uniform(-4, 4)),
            convert(DataType::Float16, "i8", 0.03, {1, 8, 5, 5}, Fill::uniform(-4, 4)),
            convert(DataType::Int8, "f16", 0.03, {1, 9, 5, 5}, Fill::integers(-127, 127))};
  }
};

}  // namespace

void addOperators_reformat(OperatorList& list) {
  static const Reformat reformat;
  list.push_back(&reformat);
}

}  // namespace tessera
