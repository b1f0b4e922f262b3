// Pointwise: a chain of pointwise operators as one layer. Inputs: x0.. (f32 or f16), broadcast against each
// other. Attribute expression: see ops/pointwise_chain.hpp.
#include <algorithm>

#include "ops/curved.hpp"
#include "ops/follow.hpp"
#include "ops/operator.hpp"
#include "ops/pointwise_chain.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class Pointwise final : public Operator {
 public:
  std::string_view name() const override { return "Pointwise"; }
  bool takesHalf(std::size_t) const override { return true; }
  AttributeNames attributes() const override { return {"expression"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    const auto chain = PointwiseChain::parse(attrs.string("expression"));
    const auto count = static_cast<std::size_t>(chain.inputCount());
    if (count == 0) refuse("the expression reads no input");
    wantInputs(inputs, count, count);
    for (const auto& input : inputs)
      if (!isFloat(input.type)) refuse("takes floats, not " + std::string(toString(input.type)));
    Shape shape = broadcastShapes(inputs);
    if (shape.size() > 8) refuse("takes tensors of rank 8 at most");
    return {{inputs[0].type, std::move(shape), {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto chain = PointwiseChain::parse(view.attrs.string("expression"));
    std::vector<std::vector<std::int64_t>> strides;
    for (const auto& input : inputs) strides.push_back(broadcastStrides(input.shape, outputs[0].shape));
    std::vector<double> values(inputs.size());
    forEachIndex(outputs[0].shape, [&](std::int64_t i, auto at) {
      for (std::size_t k = 0; k < inputs.size(); ++k) values[k] = inputs[k].number(dot(at, strides[k]));
      outputs[0].setNumber(i, chain.evaluate(values));
    });
  }
  Tolerance tolerance(const OpView&) const override { return {1e-5, 1e-5}; }
  OperatorTraits traits() const override {
    return {.broadcasts = true,
            .mixesFloats = true,
            .elementwise = true,
            .integerTwin = "QPointwise",
            .follow = followBroadcast,
            .bits = [](const OpView& op) {
              const auto chain = PointwiseChain::parse(op.attrs.string("expression"));
              return std::ranges::all_of(chain.steps,
                                         [](const ChainStep& s) { return definedPointwise(s.op); })
                         ? OperatorTraits::Bits::Defined
                         : OperatorTraits::Bits::Device;
            }};
  }
  std::vector<OpInstance> samples() const override {
    const auto sample = [](const char* expression, std::vector<TensorDesc> inputs) {
      return makeSample("Pointwise", {{"expression", std::string(expression)}}, std::move(inputs));
    };
    return {sample("t0=Add(x0,x1);t1=Relu(t0)", {f32({2, 5, 7, 9}), f32({2, 5, 7, 9})}),
            sample("t0=Mul(x0,x1);t1=Add(t0,x2);t2=Add(t1,x3);t3=LeakyRelu(t2,alpha=0.1)",
                   {f32({2, 18, 7, 5}), f32({1, 18, 1, 1}), f32({18, 1, 1}), f32({2, 18, 7, 5})}),
            sample("t0=Add(x0,0.5);t1=Mul(t0,x0);t2=Sigmoid(t1)", {f32({1, 19, 16, 16})}),
            sample("t0=Mul(x0,x1);t1=Tanh(x0);t2=Greater(t0,t1);t3=Where(t2,t0,x2)",
                   {f32({3, 5}), f32({5}), f32({3, 1})}),
            sample("t0=Mul(x0,x1);t1=Add(t0,x2)",
                   {{DataType::Float16, {1, 19, 5, 9}, {}}, f32({19, 1, 1}), {DataType::Float16, {1}, {}}}),
            sample("t0=Exp(x0)", {f32({})})};
  }
};

}  // namespace

void addOperators_pointwise_chain_op(OperatorList& list) {
  static const Pointwise pointwise;
  list.push_back(&pointwise);
}

}  // namespace tessera
