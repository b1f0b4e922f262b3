// QFullyConnected: INT8 y = x * weights^T with the fused epilogue of docs/numerics.md.
// Inputs: x i8 [N, ...], weights i8 [O, I], bias? f32 [O], residual? (i8 or f32), slope? f32, multiplier f32
// [O]. Attributes: rate, residual_scale, activation, alpha, beta; x_zero, zero, residual_zero
// (ops/quantised.hpp).
#include "ops/evaluation_work.hpp"
#include "ops/quantised.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class QFullyConnected final : public Operator {
 public:
  std::string_view name() const override { return "QFullyConnected"; }
  bool takesHalf(std::size_t) const override { return false; }
  AttributeNames attributes() const override {
    return {"activation", "alpha", "beta", "rate", "residual_scale", "residual_zero", "x_zero", "zero"};
  }

  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 6);
    if (inputs[0].shape.empty() || inputs[1].shape.size() != 2) refuse("wants x [N, ...] and weights [O, I]");
    const Shape output{inputs[0].shape[0], inputs[1].shape[0]};
    if (extentProduct(inputs[0].shape, 1, inputs[0].shape.size()) != inputs[1].shape[1])
      refuse("x " + toString(inputs[0].shape) + " does not fit weights " + toString(inputs[1].shape));
    const DataType type = checkQuantised(attrs, inputs, output, output[1]);
    return {{type, output, {}}};
  }

  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto x = inputs[0].as<std::int8_t>(), weights = inputs[1].as<std::int8_t>();
    const std::int64_t rows = outputs[0].shape[0], columns = outputs[0].shape[1], depth = inputs[1].shape[1];
    const QuantisedEpilogue epilogue(view, inputs);
    const auto zero = static_cast<std::int32_t>(view.attrs.integer("x_zero"));
    for (std::int64_t n = 0; n < rows; ++n)
      for (std::int64_t k = 0; k < columns; ++k) {
        std::uint32_t sum = 0;  // wrap-around, as DP4A
        for (std::int64_t i = 0; i < depth; ++i)
          sum += static_cast<std::uint32_t>((x[n * depth + i] - zero) * weights[k * depth + i]);
        epilogue.store(outputs[0], n * columns + k, static_cast<std::int32_t>(sum), k);
      }
  }

  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  QuantRule quantRule(const OpView&) const override { return QuantRule::Requantise; }
  OperatorTraits traits() const override {
    return {.weights = OperatorTraits::Weights{}, .floatTwin = "FullyConnected", .multiplyAdds = rowWork};
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> all = operatorNamed("FullyConnected").samples();
    std::erase_if(all,
                  [](const OpInstance& s) { return !exactActivation(s.view.attrs.string("activation")); });
    return quantisedSamples("QFullyConnected", all);
  }
};

}  // namespace

void addOperators_q_fully_connected(OperatorList& list) {
  static const QFullyConnected fullyConnected;
  list.push_back(&fullyConnected);
}

}  // namespace tessera
