// Where: y = condition ? a : b, broadcast. Inputs: condition (bool), a, b (same type).
#include "ops/follow.hpp"
#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class Where final : public Operator {
 public:
  std::string_view name() const override { return "Where"; }
  bool takesHalf(std::size_t) const override { return true; }
  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 3, 3);
    if (inputs[0].type != DataType::Bool) refuse("the condition must be bool");
    if (inputs[1].type != inputs[2].type) refuse("the two choices have different types");
    return {{inputs[1].type, broadcastShapes(inputs), {}}};
  }
  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    HostTensor& y = outputs[0];
    const auto cs = broadcastStrides(inputs[0].shape, y.shape),
               as = broadcastStrides(inputs[1].shape, y.shape),
               bs = broadcastStrides(inputs[2].shape, y.shape);
    const auto condition = inputs[0].as<std::uint8_t>();
    forEachIndex(y.shape, [&](std::int64_t i, auto at) {
      if (condition[dot(at, cs)])
        copyElement(y, i, inputs[1], dot(at, as));
      else
        copyElement(y, i, inputs[2], dot(at, bs));
    });
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override {
    return {.broadcasts = true, .elementwise = true, .follow = followBroadcast};
  }
  std::vector<OpInstance> samples() const override {
    const auto of = [](DataType type, Shape shape) { return TensorDesc{type, std::move(shape), {}}; };
    const Fill coin = Fill::integers(0, 1), numbers = Fill::integers(-9, 9);
    return {makeSample("Where", {}, {of(DataType::Bool, {3, 5}), f32({3, 5}), f32({3, 5})}, {coin}),
            makeSample("Where", {}, {of(DataType::Bool, {3, 1}), f32({2, 3, 5}), f32({})}, {coin}),
            makeSample("Where", {},
                       {of(DataType::Bool, {4, 5}), of(DataType::Int64, {5}), of(DataType::Int64, {4, 1})},
                       {coin, numbers, numbers})};
  }
};

}  // namespace

void addOperators_where(OperatorList& list) {
  static const Where where;
  list.push_back(&where);
}

}  // namespace tessera
