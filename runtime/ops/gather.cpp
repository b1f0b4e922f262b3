// Gather: picks slices along an axis. Inputs: x, indices (i32, i64; negative ones count from the end).
// Attribute axis (0).
#include "ops/follow.hpp"
#include "ops/indexing.hpp"

namespace tessera {
namespace {

class Gather final : public MovingOperator {
 public:
  Gather() : MovingOperator("Gather") {}
  AttributeNames attributes() const override { return {"axis"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    wantIndices(inputs[1]);
    const Shape& x = inputs[0].shape;
    const auto axis = normalAxis(attrs.integer("axis"), x.size());
    wantElements(x, axis, inputs[1]);
    Shape shape(x.begin(), x.begin() + axis);
    shape.insert(shape.end(), inputs[1].shape.begin(), inputs[1].shape.end());
    shape.insert(shape.end(), x.begin() + axis + 1, x.end());
    return {{inputs[0].type, shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Shape& x = inputs[0].shape;
    const auto axis = static_cast<std::size_t>(normalAxis(view.attrs.integer("axis"), x.size()));
    const std::int64_t outer = extentProduct(x, 0, axis), inner = extentProduct(x, axis + 1, x.size());
    const std::int64_t picks = inputs[1].size();
    for (std::int64_t o = 0; o < outer; ++o)
      for (std::int64_t p = 0; p < picks; ++p) {
        const std::int64_t from = indexInto(inputs[1], p, x[axis]);
        for (std::int64_t i = 0; i < inner; ++i)
          copyElement(outputs[0], (o * picks + p) * inner + i, inputs[0], (o * x[axis] + from) * inner + i);
      }
  }
  OperatorTraits traits() const override { return {.follow = follow}; }
  std::vector<OpInstance> samples() const override {
    const Fill i64 = Fill::of(HostTensor::of<std::int64_t>({2, 2}, {0, -1, 2, 1}));
    const Fill i32 = Fill::of(HostTensor::of<std::int32_t>({3}, {4, 0, -5}));
    return {sample({{"axis", 0}}, {f32({3, 5}), anyTensor(DataType::Int64, {2, 2})}, {{}, i64}),
            sample({{"axis", 1}}, {f32({2, 5, 4}), anyTensor(DataType::Int32, {3})}, {{}, i32}),
            sample({{"axis", -1}}, {anyTensor(DataType::Int64, {2, 3}), anyTensor(DataType::Int64, {2, 2})},
                   {anyInteger(DataType::Int64), i64}),
            sample({}, {f32({7}), anyTensor(DataType::Int64, {})},
                   {{}, Fill::of(HostTensor::of<std::int64_t>({}, {-2}))})};
  }

 private:
  static std::optional<std::size_t> follow(const OpView& op, std::size_t input, std::size_t axis) {
    const std::size_t along = axisAttribute(op, 0), picks = op.inputs[1].shape.size();
    if (input == 1) return along + axis;
    if (axis == along) return {};
    return axis < along ? axis : axis + picks - 1;
  }
};

}  // namespace

void addOperators_gather(OperatorList& list) {
  static const Gather gather;
  list.push_back(&gather);
}

}  // namespace tessera
