// Softmax: exp(x - max) / sum over one axis, or its logarithm. Attributes: axis, log (0).
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/axes.hpp"
#include "ops/defined_math.hpp"
#include "ops/epilogue.hpp"
#include "ops/follow.hpp"
#include "ops/shape_tools.hpp"
#include "ops/softmax.hpp"

namespace tessera {
namespace {

class Softmax final : public Operator {
 public:
  std::string_view name() const override { return "Softmax"; }
  AttributeNames attributes() const override { return {"axis", "log"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    if (!isFloat(inputs[0].type)) refuse("wants a floating-point input");
    normalAxis(attrs.integer("axis", -1), inputs[0].shape.size());
    return {{inputs[0].type, inputs[0].shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    // To the bit as the kernel does: see docs/numerics.md.
    const auto x = toDoubles(inputs[0]);
    const Groups groups = groupsAlong(inputs[0].shape, reducedAxes(view));
    const auto unit = static_cast<float>(std::int64_t{1} << softmaxShift(groups.size));
    std::vector<float> top(groups.count, -std::numeric_limits<float>::infinity());
    std::vector<std::int64_t> whole(groups.count, 0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      float& most = top[groups.of[i]];
      const auto value = static_cast<float>(x[i]);
      most = most > value || std::isnan(most) ? most : value;
    }
    for (std::size_t i = 0; i < x.size(); ++i)
      if (const float most = top[groups.of[i]]; std::isfinite(most))
        whole[groups.of[i]] += static_cast<std::int64_t>(definedExp(static_cast<float>(x[i]) - most) * unit);
    std::vector<double> y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float most = top[groups.of[i]], off = static_cast<float>(x[i]) - most,
                  sum = static_cast<float>(whole[groups.of[i]]) * (1.0f / unit);
      const float share = definedExp(off) * definedReciprocal(sum);
      const float value = view.attrs.integer("log") ? off - definedLog(sum)
                          : share < 0x1p-126f       ? 0.0f
                                                    : share;
      y[i] = static_cast<double>(std::isfinite(most) ? value : std::numeric_limits<float>::quiet_NaN());
    }
    storeDoubles(outputs[0], y);
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override {
    return {.follow = [](const OpView& op, std::size_t, std::size_t axis) {
      return followUnless(axisAttribute(op, -1), axis);
    }};
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    for (const int log : {0, 1}) {
      const auto add = [&](std::int64_t axis, Shape x) {
        samples.push_back(makeSample("Softmax", {{"axis", axis}, {"log", log}}, {f32(std::move(x))},
                                     {Fill::uniform(-30, 30)}));
      };
      add(-1, {3, 1000});
      add(1, {1, 19, 5, 7});
      add(1, {2, 3, 4, 4});
      add(1, {1, 16, 3, 9});
      add(0, {5, 6});
      add(2, {2, 3, 7, 5});
      add(3, {1, 4, 3, 33});
      add(1, {2, 11, 6});
      add(0, {13});
      add(1, {2, 17, 2, 3, 2});
    }
    return samples;
  }
};

}  // namespace

std::optional<std::size_t> competingAxis(const OpView& op) {
  return op.op == "Softmax" ? std::optional(axisAttribute(op, -1)) : std::nullopt;
}

void addOperators_softmax(OperatorList& list) {
  static const Softmax softmax;
  list.push_back(&softmax);
}

}  // namespace tessera
