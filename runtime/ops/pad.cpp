// Pad: adds (or, where negative, removes) elements at the ends of extents. Input: x.
// Attributes: pads (begins, then ends), mode (constant, reflect, edge, wrap), value (0).
#include <algorithm>

#include "ops/moving.hpp"

namespace tessera {
namespace {

/// Index into an extent of `n` elements for position `i`, which may lie outside; -1: the constant.
std::int64_t sourceIndex(const std::string& mode, std::int64_t i, std::int64_t n) {
  if (i >= 0 && i < n) return i;
  if (mode == "constant") return -1;
  if (mode == "edge") return i < 0 ? 0 : n - 1;
  if (mode == "wrap") return ((i % n) + n) % n;
  if (n == 1) return 0;
  const std::int64_t period = 2 * (n - 1);  // reflect: the border element appears once
  const std::int64_t m = ((i % period) + period) % period;
  return m < n ? m : period - m;
}

class Pad final : public MovingOperator {
 public:
  Pad() : MovingOperator("Pad") {}
  AttributeNames attributes() const override { return {"mode", "pads", "value"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    Shape shape = inputs[0].shape;
    const auto pads = perExtent(attrs, "pads", 2 * shape.size());
    const std::string mode = attrs.string("mode", "constant");
    if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
      refuse("there is no padding mode " + mode);
    for (std::size_t d = 0; d < shape.size(); ++d) {
      const std::int64_t grown = shape[d] + pads[d] + pads[d + shape.size()];
      if (grown < 0) refuse("extent " + std::to_string(d) + " of " + toString(shape) + " becomes negative");
      if (grown > 0 && shape[d] == 0 && mode != "constant") refuse("an empty extent has nothing to repeat");
      shape[d] = grown;
    }
    return {{inputs[0].type, shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const HostTensor& x = inputs[0];
    const auto pads = perExtent(view.attrs, "pads", 2 * x.shape.size());
    const std::string mode = view.attrs.string("mode", "constant");
    HostTensor value(x.type, {});
    value.setNumber(0, view.attrs.number("value"));
    const auto xs = rowMajorStrides(x.shape);
    forEachIndex(outputs[0].shape, [&](std::int64_t i, auto at) {
      std::int64_t from = 0;
      for (std::size_t d = 0; d < at.size() && from >= 0; ++d) {
        const std::int64_t source = sourceIndex(mode, at[d] - pads[d], x.shape[d]);
        from = source < 0 ? -1 : from + source * xs[d];
      }
      copyElement(outputs[0], i, from < 0 ? value : x, std::max<std::int64_t>(from, 0));
    });
  }
  QuantRule quantRule(const OpView& view) const override {
    return view.attrs.number("value") == 0 ? QuantRule::SameScale : QuantRule::Float;
  }
  std::vector<OpInstance> samples() const override {
    using Ints = std::vector<std::int64_t>;
    const auto padded = [&](Ints pads, const char* mode, double value, TensorDesc x) {
      const Fill fill = x.type == DataType::Float32 ? Fill{} : anyInteger(x.type);
      return sample({{"pads", pads}, {"mode", std::string(mode)}, {"value", value}}, {std::move(x)}, {fill});
    };
    return {padded({0, 0, 1, 2, 0, 0, 3, 0}, "constant", 0, f32({2, 19, 5, 6})),
            padded({0, 0, 2, 2, 0, 0, 2, 2}, "constant", 1.5, f32({1, 3, 5, 6})),
            padded({0, 0, 2, 1, 0, 0, 1, 3}, "reflect", 0, f32({1, 18, 5, 6})),
            padded({0, 0, 2, 1, 0, 0, 1, 3}, "edge", 0, f32({2, 3, 5, 6})),
            padded({0, 2, 1, 3}, "wrap", 0, f32({3, 5})),
            padded({1, -1, -2, 2}, "constant", -1, f32({4, 6})),
            padded({0, 1, 0, 0, 0, 2, 0, 0}, "constant", 0, f32({1, 3, 4, 4})),
            padded({5, 7}, "constant", 9, anyTensor(DataType::Int64, {3})),
            padded({1, 1}, "edge", 0, anyTensor(DataType::UInt8, {3}))};
  }
};

}  // namespace

void addOperators_pad(OperatorList& list) {
  static const Pad pad;
  list.push_back(&pad);
}

}  // namespace tessera
