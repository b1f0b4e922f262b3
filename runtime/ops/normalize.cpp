// Operators that divide by a statistic of a group of elements: InstanceNorm and LayerNorm (mean and variance,
// then scale and bias), MeanVariance (the same without them), LpNormalize (p-norm, then a scale).
#include <cmath>

#include "ops/axes.hpp"
#include "ops/epilogue.hpp"
#include "ops/follow.hpp"
#include "ops/ordered.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

using List = std::vector<std::int64_t>;

struct Statistics {
  std::vector<double> mean, variance;
};

Statistics statistics(const std::vector<double>& x, const Groups& groups) {
  Statistics s{std::vector<double>(groups.count), std::vector<double>(groups.count)};
  const auto size = static_cast<double>(groups.size);
  for (std::size_t i = 0; i < x.size(); ++i) s.mean[groups.of[i]] += x[i] / size;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double off = x[i] - s.mean[groups.of[i]];
    s.variance[groups.of[i]] += off * off / size;
  }
  return s;
}

Tolerance normalizeTolerance(const OpView& op) {
  return op.outputs[0].type == DataType::Float16 ? Tolerance{5e-3, 5e-3} : Tolerance{5e-5, 5e-5};
}

class InstanceNorm final : public Operator {
 public:
  std::string_view name() const override { return "InstanceNorm"; }
  AttributeNames attributes() const override { return {"epsilon"}; }
  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 3, 3);
    const Shape& x = inputs[0].shape;
    if (!isFloat(inputs[0].type)) refuse("wants a floating-point input");
    if (x.size() < 3) refuse("wants N, C and spatial extents, got " + toString(x));
    if (inputs[1].size() != x[1] || inputs[2].size() != x[1])
      refuse("scale and bias must have one value per channel");
    return {{inputs[0].type, x, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    auto x = toDoubles(inputs[0]);
    const auto scale = toDoubles(inputs[1]), bias = toDoubles(inputs[2]);
    const Groups groups = groupsAlong(inputs[0].shape, reducedAxes(view));
    const Statistics s = statistics(x, groups);
    const double epsilon = view.attrs.number("epsilon", 1e-5);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::int64_t group = groups.of[i], c = group % inputs[0].shape[1];
      x[i] = (x[i] - s.mean[group]) / std::sqrt(s.variance[group] + epsilon) * scale[c] + bias[c];
    }
    storeDoubles(outputs[0], x);
  }
  Tolerance tolerance(const OpView& view) const override { return normalizeTolerance(view); }
  OperatorTraits traits() const override { return {.follow = followItems, .bits = bitsOfSums}; }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    for (const Shape& x : {Shape{1, 18, 5, 7}, Shape{2, 3, 16, 9}, Shape{2, 5, 23}, Shape{1, 4, 3, 4, 5}})
      samples.push_back(makeSample("InstanceNorm", {{"epsilon", 1e-3}}, {f32(x), f32({x[1]}), f32({x[1]})},
                                   {Fill::uniform(-2, 3)}, {false, true, true}));
    samples.push_back(makeSample("InstanceNorm", {}, {f32({1, 2, 96, 97}), f32({2}), f32({2})},
                                 {Fill::uniform(1000, 1001)}, {false, true, true}));  // far from 0
    return samples;
  }
};

class LayerNorm final : public Operator {
 public:
  std::string_view name() const override { return "LayerNorm"; }
  AttributeNames attributes() const override { return {"axis", "epsilon"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 3);
    const Shape& x = inputs[0].shape;
    if (!isFloat(inputs[0].type)) refuse("wants a floating-point input");
    const std::int64_t axis = normalAxis(attrs.integer("axis", -1), x.size());
    const std::int64_t size = extentProduct(x, axis, x.size());
    for (std::size_t i = 1; i < inputs.size(); ++i)
      if (inputs[i].present() && inputs[i].size() != size && inputs[i].size() != 1)
        refuse("scale and bias must have one value, or one per element from axis " + std::to_string(axis) +
               " on");
    return {{inputs[0].type, x, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    auto x = toDoubles(inputs[0]);
    const auto scale = toDoubles(inputs[1]);
    const auto bias = view.has(2) ? toDoubles(inputs[2]) : std::vector<double>{0};
    const Groups groups = groupsAlong(inputs[0].shape, reducedAxes(view));
    const Statistics s = statistics(x, groups);
    const double epsilon = view.attrs.number("epsilon", 1e-5);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::int64_t group = groups.of[i];
      x[i] = (x[i] - s.mean[group]) / std::sqrt(s.variance[group] + epsilon) * scale[i % scale.size()] +
             bias[i % bias.size()];
    }
    storeDoubles(outputs[0], x);
  }
  Tolerance tolerance(const OpView& view) const override { return normalizeTolerance(view); }
  OperatorTraits traits() const override { return {.follow = follow, .bits = bitsOfSums}; }
  std::vector<OpInstance> samples() const override {
    const auto sample = [](std::int64_t axis, Shape x, Shape scale, bool bias, double low = -1) {
      return makeSample("LayerNorm", {{"axis", axis}, {"epsilon", 1e-3}},
                        {f32(x), f32(scale), bias ? f32(scale) : absent()}, {Fill::uniform(low, low + 3)},
                        {false, true, true});
    };
    return {sample(-1, {2, 5, 64}, {64}, true),        sample(1, {3, 4, 5}, {4, 5}, true),
            sample(0, {7, 6}, {7, 6}, false),          sample(2, {2, 3, 4, 5}, {4, 5}, true),
            sample(-1, {1, 9, 300}, {300}, false),     sample(-1, {4, 10}, {1}, true),
            sample(-1, {2, 3, 768}, {768}, true, 1000)};  // far from 0
  }

 private:
  static std::optional<std::size_t> follow(const OpView& op, std::size_t input, std::size_t axis) {
    return input == 0 && axis == 0 ? followUnless(axisAttribute(op, -1), axis) : std::nullopt;
  }
};

class MeanVariance final : public Operator {
 public:
  std::string_view name() const override { return "MeanVariance"; }
  AttributeNames attributes() const override {
    return {"axes", "epsilon", "epsilon_outside", "normalize_variance"};
  }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    if (!isFloat(inputs[0].type)) refuse("wants a floating-point input");
    reducedAxes({"MeanVariance", attrs, {inputs[0]}, {}});
    return {{inputs[0].type, inputs[0].shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    auto x = toDoubles(inputs[0]);
    const Groups groups = groupsAlong(inputs[0].shape, reducedAxes(view));
    const Statistics s = statistics(x, groups);
    const double epsilon = view.attrs.number("epsilon", 1e-9);
    const bool divide = view.attrs.integer("normalize_variance", 1) != 0;
    const bool outside = view.attrs.integer("epsilon_outside") != 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double variance = s.variance[groups.of[i]];
      x[i] -= s.mean[groups.of[i]];
      if (divide) x[i] /= outside ? std::sqrt(variance) + epsilon : std::sqrt(variance + epsilon);
    }
    storeDoubles(outputs[0], x);
  }
  Tolerance tolerance(const OpView& view) const override { return normalizeTolerance(view); }
  OperatorTraits traits() const override { return {.bits = bitsOfSums}; }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    const auto add = [&](Attributes attrs, Shape x) {
      samples.push_back(
          makeSample("MeanVariance", std::move(attrs), {f32(std::move(x))}, {Fill::uniform(-1, 3)}));
    };
    add({{"axes", List{0, 2, 3}}}, {3, 5, 6, 7});
    add({{"axes", List{2, 3}}, {"epsilon_outside", 1}}, {2, 18, 5, 9});
    add({{"axes", List{1, 2, 3}}, {"epsilon", 0.25}}, {2, 3, 4, 5});
    add({{"axes", List{1, 2, 3}}, {"epsilon", 0.25}, {"epsilon_outside", 1}}, {2, 3, 4, 5});
    add({{"axes", List{1}}, {"normalize_variance", 0}}, {2, 21, 4, 3});
    add({{"axes", List{-1, 0}}}, {6, 4, 8});
    add({{"axes", List{0}}}, {50});
    add({{"axes", List{1, 3}}}, {2, 7, 3, 5});
    add({{"axes", List{0, 2, 4}}}, {2, 3, 4, 2, 5});
    samples.push_back(makeSample("MeanVariance", {{"axes", List{2, 3}}}, {f32({1, 3, 64, 65})},
                                 {Fill::uniform(-2001, -2000)}));  // far from 0
    return samples;
  }
};

class LpNormalize final : public Operator {
 public:
  std::string_view name() const override { return "LpNormalize"; }
  AttributeNames attributes() const override { return {"axes", "epsilon", "p"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 2);
    if (!isFloat(inputs[0].type)) refuse("wants a floating-point input");
    const Shape& x = inputs[0].shape;
    reducedAxes({"LpNormalize", attrs, {inputs[0]}, {}});
    if (attrs.integer("p", 2) < 1) refuse("p must be at least 1");
    if (inputs.size() > 1 && inputs[1].present() && inputs[1].size() != 1 &&
        (x.size() < 2 || inputs[1].size() != x[1]))
      refuse("the scale must have one value, or one per channel");
    return {{inputs[0].type, x, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    auto x = toDoubles(inputs[0]);
    const auto scale = view.has(1) ? toDoubles(inputs[1]) : std::vector<double>{1};
    const Shape& shape = inputs[0].shape;
    const std::int64_t plane = scale.size() > 1 ? extentProduct(shape, 2, shape.size()) : 1;
    const Groups groups = groupsAlong(shape, reducedAxes(view));
    const auto p = static_cast<double>(view.attrs.integer("p", 2));
    std::vector<double> norm(groups.count, view.attrs.number("epsilon", 0));
    for (std::size_t i = 0; i < x.size(); ++i) norm[groups.of[i]] += std::pow(std::fabs(x[i]), p);
    for (auto& n : norm) n = std::pow(n, 1 / p);
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = x[i] / norm[groups.of[i]] *
             scale[static_cast<std::int64_t>(i) / plane % static_cast<std::int64_t>(scale.size())];
    storeDoubles(outputs[0], x);
  }
  Tolerance tolerance(const OpView& view) const override { return normalizeTolerance(view); }
  OperatorTraits traits() const override {
    return {.bits = [](const OpView& op) {
      return op.attrs.integer("p", 2) > 2 ? OperatorTraits::Bits::Device
                                          : OperatorTraits::Bits::Ordered;  // pow
    }};
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    const auto add = [&](Attributes attrs, Shape x, TensorDesc scale) {
      samples.push_back(
          makeSample("LpNormalize", std::move(attrs), {f32(std::move(x)), scale}, {}, {false, true}));
    };
    add({{"axes", List{1}}, {"epsilon", 1e-6}}, {2, 19, 3, 5}, f32({19}));
    add({{"axes", List{1}}, {"p", 1}}, {1, 32, 4, 4}, absent());
    add({{"axes", List{-1}}}, {3, 5, 40}, absent());
    add({{"axes", List{1, 2, 3}}, {"epsilon", 0.5}}, {2, 6, 5, 3}, f32({6}));
    add({{"axes", List{1, 2, 3}}}, {1, 17, 2, 3}, f32({1}));
    add({{"axes", List{2, 3}}, {"p", 3}}, {2, 5, 4, 6}, f32({5}));
    add({{"axes", List{0}}}, {12, 7}, f32({7}));
    return samples;
  }
};

}  // namespace

void addOperators_normalize(OperatorList& list) {
  static const InstanceNorm instanceNorm;
  static const LayerNorm layerNorm;
  static const MeanVariance meanVariance;
  static const LpNormalize lpNormalize;
  list.insert(list.end(), {&instanceNorm, &layerNorm, &meanVariance, &lpNormalize});
}

}  // namespace tessera
