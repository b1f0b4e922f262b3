// OneHot: along a new axis of `depth` elements, values[1] at the index and values[0] elsewhere. Inputs:
// indices (f32 or integers; negative ones count from the end, those outside give no hot element), values [2]
// (off, on). Attributes: depth, axis (-1).
#include "ops/moving.hpp"

namespace tessera {
namespace {

class OneHot final : public MovingOperator {
 public:
  OneHot() : MovingOperator("OneHot") {}
  AttributeNames attributes() const override { return {"axis", "depth"}; }
  bool takesHalf(std::size_t input) const override { return input == 1; }  // indices must stay whole
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    if (inputs[1].size() != 2) refuse("values must hold two elements: off and on");
    if (inputs[0].type == DataType::Bool || inputs[0].type == DataType::Float16)
      refuse("indices must be f32 or integers");
    const std::int64_t depth = attrs.integer("depth");
    if (depth < 1) refuse("attribute depth must be positive");
    Shape shape = inputs[0].shape;
    const auto axis = normalAxis(attrs.integer("axis", -1), shape.size() + 1);
    shape.insert(shape.begin() + axis, depth);
    return {{inputs[1].type, shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    HostTensor& y = outputs[0];
    const auto axis = static_cast<std::size_t>(normalAxis(view.attrs.integer("axis", -1), y.shape.size()));
    const std::int64_t depth = y.shape[axis], inner = extentProduct(y.shape, axis + 1, y.shape.size());
    for (std::int64_t i = 0; i < y.size(); ++i) {
      std::int64_t index = inputs[0].integer(i / inner / depth * inner + i % inner);
      if (index < 0) index += depth;
      copyElement(y, i, inputs[1], index == i / inner % depth ? 1 : 0);
    }
  }
  QuantRule quantRule(const OpView&) const override { return QuantRule::Float; }
  std::vector<OpInstance> samples() const override {
    const Fill values = Fill::of(HostTensor::of<float>({2}, {-1, 2}));
    const Fill numbers = Fill::of(HostTensor::of<std::int64_t>({2}, {5, 7}));
    return {sample({{"depth", 5}}, {anyTensor(DataType::Int64, {3, 4}), f32({2})},
                   {Fill::integers(-6, 6), values}),
            sample({{"depth", 4}, {"axis", 0}}, {anyTensor(DataType::Int32, {7}), f32({2})},
                   {Fill::integers(0, 3), values}),
            sample({{"depth", 3}, {"axis", 1}}, {f32({2, 5}), anyTensor(DataType::Int64, {2})},
                   {Fill::integers(0, 2), numbers})};
  }
};

}  // namespace

void addOperators_one_hot(OperatorList& list) {
  static const OneHot oneHot;
  list.push_back(&oneHot);
}

}  // namespace tessera
