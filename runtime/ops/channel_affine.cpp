// BatchNorm and Scale: y = x * scale + bias with parameters that repeat over the other extents.
// BatchNorm inputs: x, scale, bias, mean, variance, each [C]; epsilon. y = (x - mean) / sqrt(variance +
// epsilon) * scale
// + bias. Scale inputs: x, scale, bias?, whose extents match x's from `axis` on.
#include <algorithm>
#include <cmath>

#include "ops/epilogue.hpp"
#include "ops/follow.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class BatchNorm final : public Operator {
 public:
  std::string_view name() const override { return "BatchNorm"; }
  AttributeNames attributes() const override { return {"epsilon"}; }
  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 5, 5);
    const Shape& x = inputs[0].shape;
    if (!isFloat(inputs[0].type)) refuse("wants a floating-point input");
    if (x.size() < 2) refuse("wants N and C, got " + toString(x));
    for (std::size_t i = 1; i < 5; ++i)
      if (inputs[i].size() != x[1])
        refuse("parameter " + toString(inputs[i].shape) + " does not fit " + std::to_string(x[1]) +
               " channels");
    return {{inputs[0].type, x, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    auto x = toDoubles(inputs[0]);
    const auto scale = toDoubles(inputs[1]), bias = toDoubles(inputs[2]);
    const auto mean = toDoubles(inputs[3]), variance = toDoubles(inputs[4]);
    const Shape& shape = inputs[0].shape;
    const std::int64_t plane = extentProduct(shape, 2, shape.size());
    const double epsilon = view.attrs.number("epsilon", 1e-5);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::int64_t c = static_cast<std::int64_t>(i) / plane % shape[1];
      x[i] = (x[i] - mean[c]) / std::sqrt(variance[c] + epsilon) * scale[c] + bias[c];
    }
    storeDoubles(outputs[0], x);
  }
  Tolerance tolerance(const OpView&) const override { return sumTolerance(4); }
  OperatorTraits traits() const override { return {.follow = followItems}; }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    for (const Shape& x :
         {Shape{2, 19, 5, 3}, Shape{1, 16, 8, 8}, Shape{3, 7}, Shape{2, 5, 9}, Shape{1, 3, 2, 3, 4}}) {
      const TensorDesc c = f32({x[1]});
      samples.push_back(makeSample("BatchNorm", {{"epsilon", 1e-3}}, {f32(x), c, c, c, c},
                                   {{}, {}, {}, {}, Fill::uniform(0.1, 2)}, {false, true, true, true, true}));
    }
    return samples;
  }
};

class Scale final : public Operator {
 public:
  std::string_view name() const override { return "Scale"; }
  AttributeNames attributes() const override { return {"axis"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 3);
    const Shape &x = inputs[0].shape, &scale = inputs[1].shape;
    if (!isFloat(inputs[0].type)) refuse("wants a floating-point input");
    const std::int64_t axis = scale.empty() ? 0 : normalAxis(attrs.integer("axis", 1), x.size());
    const bool fits =
        axis + scale.size() <= x.size() && std::equal(scale.begin(), scale.end(), x.begin() + axis);
    if (!fits)
      refuse("scale " + toString(scale) + " does not match " + toString(x) + " from axis " +
             std::to_string(axis));
    if (inputs.size() > 2 && inputs[2].present() && inputs[2].shape != scale)
      refuse("bias " + toString(inputs[2].shape) + " differs in shape from scale " + toString(scale));
    return {{inputs[0].type, x, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    auto x = toDoubles(inputs[0]);
    const auto scale = toDoubles(inputs[1]), bias = toDoubles(inputs[2 < inputs.size() ? 2 : 0]);
    const Shape& shape = inputs[0].shape;
    std::int64_t inner = 1;
    if (!inputs[1].shape.empty()) {
      const std::int64_t axis = normalAxis(view.attrs.integer("axis", 1), shape.size());
      inner = extentProduct(shape, axis + inputs[1].shape.size(), shape.size());
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t at = i / inner % scale.size();
      x[i] = x[i] * scale[at] + (view.has(2) ? bias[at] : 0);
    }
    storeDoubles(outputs[0], x);
  }
  Tolerance tolerance(const OpView&) const override { return sumTolerance(2); }
  OperatorTraits traits() const override { return {.follow = follow}; }
  std::vector<OpInstance> samples() const override {
    const auto sample = [](std::int64_t axis, Shape x, Shape scale, bool bias) {
      return makeSample("Scale", {{"axis", axis}}, {f32(x), f32(scale), bias ? f32(scale) : absent()}, {},
                        {false, true, true});
    };
    return {sample(1, {2, 19, 3, 5}, {19}, true),
            sample(1, {1, 16, 7, 2}, {16}, false),
            sample(0, {3, 4, 5}, {3}, true),
            sample(2, {2, 3, 4, 5}, {4, 5}, true),
            sample(1, {2, 18, 4, 3}, {18, 4}, true),
            sample(-1, {2, 5, 6}, {6}, false),
            sample(0, {2, 17, 3, 2}, {}, true),
            sample(0, {2, 3, 2, 2}, {2, 3, 2, 2}, true),
            sample(1, {4, 9}, {9}, true)};
  }

 private:
  static std::optional<std::size_t> follow(const OpView& op, std::size_t input, std::size_t axis) {
    return input == 0 && axis == 0 ? followUnless(axisAttribute(op, 1), axis) : std::nullopt;
  }
};

}  // namespace

void addOperators_channel_affine(OperatorList& list) {
  static const BatchNorm batchNorm;
  static const Scale scale;
  list.push_back(&batchNorm);
  list.push_back(&scale);
}

}  // namespace tessera
