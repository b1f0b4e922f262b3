// QPointwise: a pointwise chain between codes and floats, every operation rounded to f32 on its own.
// Inputs: x0.. (i8 or f32), broadcast against each other; a code enters as float(code) * scales[i].
// Attributes: expression (ops/pointwise_chain.hpp; empty: y = x0, that is encode or decode), scales (one per
// input, 0 for f32 ones), rate (absent: the output is f32), both (with rate: two outputs, f32 and the codes);
// zeros (zero points, one per input: a code enters as (code - zeros[i]) * scales[i]), zero (of the codes
// written).
#include "ops/follow.hpp"
#include "ops/pointwise_chain.hpp"
#include "ops/quantised.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

// The same with codes of the whole range around zero points.
OpInstance withZeroPoints(OpInstance sample) {
  std::vector<std::int64_t> zeros;
  for (std::size_t i = 0; i < sample.view.inputs.size(); ++i) {
    const bool code = sample.view.inputs[i].type == DataType::Int8;
    zeros.push_back(code ? (i % 2 == 0 ? -128 : 41) : 0);
    if (code) sample.fills[i] = Fill::integers(-128, 127);
  }
  sample.view.attrs.set("zeros", zeros);
  if (sample.view.attrs.has("rate"))
    sample.view.attrs.set("zero", std::int64_t{zeros[0] == -128 ? 17 : -128});
  return sample;
}

OpInstance withBoth(OpInstance sample) {
  sample.view.attrs.set("both", std::int64_t{1});
  sample.view.outputs = operatorNamed("QPointwise").infer(sample.view.attrs, sample.view.inputs);
  return sample;
}

class QPointwise final : public Operator {
 public:
  std::string_view name() const override { return "QPointwise"; }
  bool takesHalf(std::size_t) const override { return false; }
  AttributeNames attributes() const override {
    return {"both", "expression", "rate", "scales", "zero", "zeros"};
  }

  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    const std::string expression = attrs.string("expression");
    const std::size_t count =
        expression.empty() ? 1 : static_cast<std::size_t>(PointwiseChain::parse(expression).inputCount());
    wantInputs(inputs, count, count);
    const auto scales = attrs.numbers("scales");
    if (scales.size() != inputs.size()) refuse("wants one scale per input");
    const auto zeros = attrs.integers("zeros");
    if (!zeros.empty() && zeros.size() != inputs.size()) refuse("wants one zero point per input");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].type != DataType::Int8 && inputs[i].type != DataType::Float32)
        refuse("takes codes and f32");
      if ((inputs[i].type == DataType::Int8) != (scales[i] > 0))
        refuse("codes come with a positive scale, floats with 0");
    }
    const DataType type = attrs.has("rate") ? DataType::Int8 : DataType::Float32;
    if (type == DataType::Int8 && !(attrs.number("rate") > 0)) refuse("rate must be positive");
    const Shape shape = broadcastShapes(inputs);
    if (attrs.integer("both") == 0) return {{type, shape, {}}};
    if (type != DataType::Int8) refuse("stores codes beside floats at a given rate only");
    return {{DataType::Float32, shape, {}}, {DataType::Int8, shape, {}}};
  }

  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const std::string expression = view.attrs.string("expression");
    PointwiseChain chain;
    if (!expression.empty()) chain = PointwiseChain::parse(expression);
    const auto scales = view.attrs.numbers("scales");
    const Encoding encoding(view.attrs);
    auto zeros = view.attrs.integers("zeros");
    zeros.resize(inputs.size());
    std::vector<std::vector<std::int64_t>> strides;
    for (const auto& input : inputs) strides.push_back(broadcastStrides(input.shape, outputs[0].shape));
    std::vector<float> values(inputs.size());
    forEachIndex(outputs[0].shape, [&](std::int64_t i, auto at) {
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        const std::int64_t from = dot(at, strides[k]);
        values[k] = inputs[k].type == DataType::Int8
                        ? static_cast<float>(inputs[k].as<std::int8_t>()[from] - zeros[k]) *
                              static_cast<float>(scales[k])
                        : inputs[k].as<float>()[from];
      }
      const float y = expression.empty() ? values[0] : chain.evaluateSingle(values);
      for (HostTensor& output : outputs)
        if (output.type == DataType::Int8)
          output.as<std::int8_t>()[i] = encoding(y);
        else
          output.as<float>()[i] = y;
    });
  }

  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  QuantRule quantRule(const OpView&) const override { return QuantRule::Requantise; }
  OperatorTraits traits() const override {
    return {.broadcasts = true, .elementwise = true, .floatTwin = "Pointwise", .follow = followBroadcast};
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    const auto add = [&](const char* expression, std::vector<TensorDesc> inputs, bool encoded) {
      std::vector<double> scales;
      std::vector<Fill> fills;
      for (const auto& input : inputs) {
        const bool code = input.type == DataType::Int8;
        scales.push_back(code ? static_cast<double>(0.0173f) : 0.0);
        fills.push_back(code ? Fill::integers(-127, 127) : Fill::uniform(-2, 2));
      }
      Attributes attrs{{"expression", std::string(expression)}, {"scales", scales}};
      if (encoded) attrs.set("rate", static_cast<double>(61.7f));
      samples.push_back(makeSample("QPointwise", attrs, std::move(inputs), std::move(fills)));
    };
    const auto both = [&] { samples.push_back(withBoth(samples.back())); };
    const auto zeros = [&] { samples.push_back(withZeroPoints(samples.back())); };
    const auto codes = [](Shape s) { return TensorDesc{DataType::Int8, std::move(s), {}}; };
    add("", {f32({1, 19, 9, 13})}, true);
    zeros();
    add("", {codes({2, 16, 5, 7})}, false);
    zeros();
    add("", {codes({1, 21, 6, 6})}, true);
    zeros();
    add("", {f32({3, 10})}, true);
    add("t0=Relu(x0)", {codes({1, 12, 8, 8})}, true);
    add("t0=Add(x0,x1);t1=Relu(t0)", {codes({1, 20, 7, 9}), codes({1, 20, 7, 9})}, true);
    zeros();
    add("t0=Add(x0,x1)", {codes({3, 1, 10}), codes({4, 10})}, true);
    zeros();
    add("t0=Add(x0,x1)", {codes({2, 18, 7, 5}), f32({2, 18, 7, 5})}, true);
    add("t0=Mul(x0,x1);t1=Add(t0,x2);t2=PRelu(t1,x3)",
        {f32({1, 25, 9, 11}), f32({1, 25, 1, 1}), f32({25, 1, 1}), f32({25, 1, 1})}, true);
    both();
    add("t0=Add(x0,x1);t1=Mul(t0,x2);t2=Relu(t1)", {f32({2, 16, 5, 7}), codes({2, 16, 5, 7}), f32({1})},
        true);
    both();
    zeros();
    add("t0=Mul(x1,x3);t1=Mul(x0,x2);t2=Add(t1,t0);t3=Mul(t2,x4);t4=Relu(t3)",
        {codes({1, 25, 6, 7}), codes({1, 25, 6, 7}), f32({25, 1, 1}), f32({25, 1, 1}), f32({25, 1, 1})},
        true);
    add("t0=Mul(x0,x1);t1=Add(t0,x2);t2=LeakyRelu(t1,alpha=0.1)",
        {codes({1, 33, 6, 5}), f32({33, 1, 1}), f32({33, 1, 1})}, false);
    return samples;
  }
};

}  // namespace

void addOperators_q_pointwise(OperatorList& list) {
  static const QPointwise pointwise;
  list.push_back(&pointwise);
}

}  // namespace tessera
