// Concat: joins tensors along one axis. Inputs: x0.. (same type; extents equal but for the axis). Attribute
// axis; in_place (0): set by the concat-elimination pass.
#include <cstring>

#include "ops/follow.hpp"
#include "ops/moving.hpp"

namespace tessera {
namespace {

class Concat final : public MovingOperator {
 public:
  Concat() : MovingOperator("Concat") {}
  AttributeNames attributes() const override { return {"axis", "in_place"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, inputs.size());
    const auto axis = normalAxis(attrs.integer("axis"), inputs[0].shape.size());
    Shape shape = inputs[0].shape;
    shape[axis] = 0;
    for (const auto& input : inputs) {
      if (input.type != inputs[0].type) refuse("inputs have different types");
      Shape same = input.shape;
      if (same.size() != shape.size()) refuse("inputs have different ranks");
      same[axis] = inputs[0].shape[axis];
      if (same != inputs[0].shape)
        refuse("extents besides the axis differ: " + toString(input.shape) + " and " +
               toString(inputs[0].shape));
      shape[axis] += input.shape[axis];
    }
    return {{inputs[0].type, shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    HostTensor& y = outputs[0];
    const auto axis = static_cast<std::size_t>(normalAxis(view.attrs.integer("axis"), y.shape.size()));
    const std::int64_t outer = extentProduct(y.shape, 0, axis);
    const auto inner =
        static_cast<std::size_t>(extentProduct(y.shape, axis + 1, y.shape.size())) * byteSize(y.type);
    std::byte* to = y.data.data();
    for (std::int64_t o = 0; o < outer; ++o)
      for (const HostTensor& x : inputs) {
        const std::size_t bytes = static_cast<std::size_t>(x.shape[axis]) * inner;
        if (bytes) std::memcpy(to, x.data.data() + static_cast<std::size_t>(o) * bytes, bytes);
        to += bytes;
      }
  }
  OperatorTraits traits() const override {
    return {.joins = true, .follow = [](const OpView& op, std::size_t, std::size_t axis) {
              return followUnless(axisAttribute(op, 1), axis);
            }};
  }
  std::vector<OpInstance> samples() const override {
    const DataType i8 = DataType::Int8;
    return {sample({{"axis", 1}}, {f32({2, 3, 4, 5}), f32({2, 18, 4, 5}), f32({2, 1, 4, 5})}),
            sample({{"axis", 1}}, {f32({2, 16, 5, 7}), f32({2, 32, 5, 7})}),
            sample({{"axis", 0}}, {f32({2, 3}), f32({1, 3})}),
            sample({{"axis", -1}}, {f32({2, 3, 4}), f32({2, 3, 1}), f32({2, 3, 0})}),
            sample({{"axis", 2}}, {f32({1, 3, 4, 5}), f32({1, 3, 2, 5})}),
            sample({{"axis", 0}}, {f32({7})}),
            sample({{"axis", 1}}, {anyTensor(i8, {1, 8, 3, 3}), anyTensor(i8, {1, 5, 3, 3})},
                   {anyInteger(i8), anyInteger(i8)}),
            sample({{"axis", 0}}, {anyTensor(DataType::Int64, {2}), anyTensor(DataType::Int64, {3})},
                   {anyInteger(DataType::Int64), anyInteger(DataType::Int64)})};
  }
};

}  // namespace

void addOperators_concat(OperatorList& list) {
  static const Concat concat;
  list.push_back(&concat);
}

}  // namespace tessera
