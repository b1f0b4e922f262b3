// FullyConnected: y = act(x * weights^T + bias + residual), x flattened to [N, I].
// Inputs: x [N, ...], weights [O, I], bias? [O], residual? [N, O], slope?. Attributes: activation, alpha,
// beta.
#include "ops/epilogue.hpp"
#include "ops/evaluation_work.hpp"
#include "ops/follow.hpp"
#include "ops/ordered.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class FullyConnected final : public Operator {
 public:
  std::string_view name() const override { return "FullyConnected"; }
  bool takesHalf(std::size_t input) const override { return halfInEpilogue(input); }
  AttributeNames attributes() const override { return {"activation", "alpha", "beta", "exact_sums"}; }

  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 5);
    const Shape &x = inputs[0].shape, &weights = inputs[1].shape;
    if (!isFloat(inputs[0].type)) refuse("wants a floating-point input");
    if (x.size() < 2) refuse("wants items of at least one extent, got " + toString(x));
    if (weights.size() != 2) refuse("wants weights of two extents, got " + toString(weights));
    if (extentProduct(x, 1, x.size()) != weights[1])
      refuse("items of " + toString(x) + " do not fit weights " + toString(weights));
    const Shape y{x[0], weights[0]};
    checkEpilogue(attrs, inputs, y, weights[0]);
    return {{inputs[0].type, y, {}}};
  }

  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto x = toDoubles(inputs[0]), weights = toDoubles(inputs[1]);
    const EpilogueReference epilogue(view, inputs);
    const std::int64_t wide = inputs[1].shape[1], outs = inputs[1].shape[0];
    std::vector<double> y(outputs[0].size());
    for (std::int64_t i = 0; i < outputs[0].size(); ++i) {
      const double *item = &x[i / outs * wide], *row = &weights[i % outs * wide];
      double sum = 0;
      for (std::int64_t k = 0; k < wide; ++k) sum += item[k] * row[k];
      y[i] = epilogue(sum, i % outs, i);
    }
    storeDoubles(outputs[0], y);
  }

  Tolerance tolerance(const OpView& view) const override { return sumTolerance(view.inputs[1].shape[1]); }
  QuantRule quantRule(const OpView&) const override { return QuantRule::Requantise; }

  OperatorTraits traits() const override {
    return {.weights = OperatorTraits::Weights{},
            .integerTwin = "QFullyConnected",
            .multiplyAdds = rowWork,
            .follow = followItemsAndResidual,
            .bits = bitsOfSums};
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    const auto add = [&](Shape x, Shape weights) {
      samples.push_back(makeSample("FullyConnected", {}, {f32(x), f32(weights), f32({weights[0]})}, {},
                                   {false, true, true}));
    };
    add({1, 7}, {5, 7});
    add({3, 128}, {64, 128});
    add({2, 5, 3, 3}, {10, 45});
    add({1, 20, 5, 7}, {33, 700});
    add({17, 31}, {19, 31});
    add({1, 1}, {1, 1});
    add({1, 1031}, {10, 1031});
    samples.push_back(makeSample("FullyConnected", {}, {f32({4, 16}), f32({16, 16})}, {}, {false, true}));
    addEpilogueSamples(samples, makeSample("FullyConnected", {}, {f32({2, 40}), f32({18, 40})}), 18);
    return samples;
  }
};

}  // namespace

void addOperators_fully_connected(OperatorList& list) {
  static const FullyConnected fullyConnected;
  list.push_back(&fullyConnected);
}

}  // namespace tessera
