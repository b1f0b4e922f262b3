// Slice: element i of an extent of y is element starts + i * steps of x. Input: x.
// Attributes, one entry per extent: starts, sizes, steps (default 1, may be negative).
#include "ops/moving.hpp"

namespace tessera {
namespace {

std::vector<std::int64_t> stepsOf(const Attributes& attrs, std::size_t rank) {
  return attrs.has("steps") ? perExtent(attrs, "steps", rank) : std::vector<std::int64_t>(rank, 1);
}

class Slice final : public MovingOperator {
 public:
  Slice() : MovingOperator("Slice") {}
  AttributeNames attributes() const override { return {"sizes", "starts", "steps"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const Shape& x = inputs[0].shape;
    const auto starts = perExtent(attrs, "starts", x.size()), sizes = perExtent(attrs, "sizes", x.size());
    const auto steps = stepsOf(attrs, x.size());
    for (std::size_t d = 0; d < x.size(); ++d) {
      if (sizes[d] < 0) refuse("attribute sizes has a negative entry");
      if (sizes[d] == 0) continue;
      if (sizes[d] > 1 && std::max(sizes[d] - 1, std::abs(steps[d])) >= x[d])
        refuse("extent " + std::to_string(d) + " of " + toString(x) + " has no " + std::to_string(sizes[d]) +
               " elements with steps of " + std::to_string(steps[d]));
      const std::int64_t last = starts[d] + (sizes[d] - 1) * steps[d];
      if (starts[d] < 0 || starts[d] >= x[d] || last < 0 || last >= x[d])
        refuse("extent " + std::to_string(d) + " of " + toString(x) + " has no elements " +
               std::to_string(starts[d]) + " to " + std::to_string(last));
    }
    return {{inputs[0].type, sizes, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Shape& x = inputs[0].shape;
    const auto starts = perExtent(view.attrs, "starts", x.size()), steps = stepsOf(view.attrs, x.size());
    const auto xs = rowMajorStrides(x);
    forEachIndex(outputs[0].shape, [&](std::int64_t i, auto at) {
      std::int64_t from = 0;
      for (std::size_t d = 0; d < at.size(); ++d) from += (starts[d] + at[d] * steps[d]) * xs[d];
      copyElement(outputs[0], i, inputs[0], from);
    });
  }
  OperatorTraits traits() const override { return {.view = OperatorTraits::View::Part, .follow = follow}; }
  std::vector<OpInstance> samples() const override {
    using Ints = std::vector<std::int64_t>;
    const auto cut = [&](Ints starts, Ints sizes, Ints steps, TensorDesc x) {
      const Fill fill = x.type == DataType::Float32 ? Fill{} : anyInteger(x.type);
      return sample({{"starts", starts}, {"sizes", sizes}, {"steps", steps}}, {std::move(x)}, {fill});
    };
    return {cut({0, 3, 0, 0}, {2, 5, 6, 7}, {1, 1, 1, 1}, f32({2, 11, 6, 7})),
            cut({0, 8, 0, 0}, {2, 9, 6, 7}, {1, 1, 1, 1}, f32({2, 17, 6, 7})),
            cut({0, 0, 2, 1}, {1, 19, 4, 5}, {1, 1, 1, 1}, f32({1, 19, 9, 7})),
            cut({1, 5}, {2, 3}, {2, -2}, f32({4, 7})),
            cut({0, 0, 0, 0}, {2, 3, 4, 4}, {1, 1, 2, 2}, f32({2, 3, 8, 8})),
            cut({2}, {0}, {1}, f32({3})),
            cut({6}, {7}, {-1}, anyTensor(DataType::Int64, {7})),
            cut({0, 1}, {3, 2}, {1, 1}, anyTensor(DataType::UInt8, {3, 4}))};
  }

 private:
  static std::optional<std::size_t> follow(const OpView& op, std::size_t, std::size_t axis) {
    const auto starts = op.attrs.integers("starts"), steps = op.attrs.integers("steps");
    const bool whole = starts.at(axis) == 0 && op.outputs[0].shape.at(axis) == op.inputs[0].shape[axis] &&
                       (steps.empty() || steps.at(axis) == 1);
    return whole ? std::optional(axis) : std::nullopt;
  }
};

}  // namespace

void addOperators_slice(OperatorList& list) {
  static const Slice slice;
  list.push_back(&slice);
}

}  // namespace tessera
