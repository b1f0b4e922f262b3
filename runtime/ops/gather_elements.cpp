// GatherElements: y[.., i, ..] = x[.., indices[.., i, ..], ..] along an axis. Inputs: x, indices.
// ScatterElements: y = x, then y[.., indices[.., i, ..], ..] = updates[.., i, ..], in order. Inputs: x,
// indices, updates. Attributes: axis (0); reduction (none, add, mul, max, min).
#include "ops/indexing.hpp"

namespace tessera {
namespace {

void wantSameBut(const Shape& indices, const Shape& x, std::int64_t axis) {
  bool fits = indices.size() == x.size();
  for (std::size_t d = 0; fits && d < x.size(); ++d)
    fits = static_cast<std::int64_t>(d) == axis || indices[d] <= x[d];
  if (!fits) refuse("indices of shape " + toString(indices) + " do not fit " + toString(x));
}

/// Where element `i` at coordinates `at` of the index tensor points into a tensor of shape `x`.
std::int64_t target(const HostTensor& indices, std::int64_t i, std::span<const std::int64_t> at,
                    const Shape& x, std::int64_t axis) {
  std::int64_t to = 0;
  for (std::size_t d = 0; d < x.size(); ++d)
    to = to * x[d] + (static_cast<std::int64_t>(d) == axis ? indexInto(indices, i, x[d]) : at[d]);
  return to;
}

class GatherElements final : public MovingOperator {
 public:
  GatherElements() : MovingOperator("GatherElements") {}
  AttributeNames attributes() const override { return {"axis"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    wantIndices(inputs[1]);
    wantSameBut(inputs[1].shape, inputs[0].shape, normalAxis(attrs.integer("axis"), inputs[0].shape.size()));
    wantElements(inputs[0].shape, normalAxis(attrs.integer("axis"), inputs[0].shape.size()), inputs[1]);
    return {{inputs[0].type, inputs[1].shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto axis = normalAxis(view.attrs.integer("axis"), inputs[0].shape.size());
    forEachIndex(inputs[1].shape, [&](std::int64_t i, auto at) {
      copyElement(outputs[0], i, inputs[0], target(inputs[1], i, at, inputs[0].shape, axis));
    });
  }
  std::vector<OpInstance> samples() const override {
    const Fill some = Fill::of(HostTensor::of<std::int64_t>({2, 3}, {0, -1, 2, 1, 1, 0}));
    return {sample({{"axis", 0}}, {f32({3, 3}), anyTensor(DataType::Int64, {2, 3})}, {{}, some}),
            sample({{"axis", 1}}, {f32({3, 4}), anyTensor(DataType::Int64, {2, 3})}, {{}, some}),
            sample({{"axis", 1}}, {f32({2, 5, 3}), anyTensor(DataType::Int32, {2, 9, 2})},
                   {{}, Fill::integers(-9, 9)})};  // some outside
  }
};

class ScatterElements final : public MovingOperator {
 public:
  ScatterElements() : MovingOperator("ScatterElements") {}
  AttributeNames attributes() const override { return {"axis", "reduction"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 3, 3);
    wantIndices(inputs[1]);
    wantReduction(attrs.string("reduction", "none"), inputs[0].type);
    wantSameBut(inputs[1].shape, inputs[0].shape, normalAxis(attrs.integer("axis"), inputs[0].shape.size()));
    wantElements(inputs[0].shape, normalAxis(attrs.integer("axis"), inputs[0].shape.size()), inputs[1]);
    if (inputs[2].shape != inputs[1].shape || inputs[2].type != inputs[0].type)
      refuse("updates must have the shape of the indices and the type of x");
    return {{inputs[0].type, inputs[0].shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto axis = normalAxis(view.attrs.integer("axis"), inputs[0].shape.size());
    const std::string reduction = view.attrs.string("reduction", "none");
    outputs[0].data = inputs[0].data;
    forEachIndex(inputs[1].shape, [&](std::int64_t i, auto at) {
      combine(reduction, outputs[0], target(inputs[1], i, at, inputs[0].shape, axis), inputs[2], i);
    });
  }
  Tolerance tolerance(const OpView&) const override { return {1e-6, 1e-6}; }
  QuantRule quantRule(const OpView&) const override { return QuantRule::Float; }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> list;
    const Fill some = Fill::of(HostTensor::of<std::int64_t>({2, 3}, {0, -1, 2, 1, 1, 0}));
    for (const char* reduction : {"none", "add", "mul", "max", "min"}) {
      const Attributes attrs = {{"axis", 1}, {"reduction", std::string(reduction)}};
      list.push_back(
          sample(attrs, {f32({3, 4}), anyTensor(DataType::Int64, {2, 3}), f32({2, 3})}, {{}, some}));
      list.push_back(sample(attrs, {f32({2, 5, 3}), anyTensor(DataType::Int32, {2, 9, 2}), f32({2, 9, 2})},
                            {{}, Fill::integers(-5, 4)}));
    }
    list.push_back(sample(
        {{"axis", 0}, {"reduction", std::string("add")}},
        {anyTensor(DataType::Int64, {3}), anyTensor(DataType::Int64, {4}), anyTensor(DataType::Int64, {4})},
        {Fill::integers(-9, 9), Fill::integers(-3, 2), Fill::integers(-9, 9)}));
    return list;
  }
};

}  // namespace

void addOperators_gather_elements(OperatorList& list) {
  static const GatherElements gather;
  static const ScatterElements scatter;
  list.push_back(&gather);
  list.push_back(&scatter);
}

}  // namespace tessera
