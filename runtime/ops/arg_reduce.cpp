// ArgReduce: index (i64) of the largest or smallest element along an axis. Input: x (any number type).
// Attributes: mode (max, min), axis (0), keepdims (1), select_last (0): of equal ones the first, or the last.
#include <cmath>

#include "ops/follow.hpp"
#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class ArgReduce final : public Operator {
 public:
  std::string_view name() const override { return "ArgReduce"; }
  AttributeNames attributes() const override { return {"axis", "keepdims", "mode", "select_last"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const std::string mode = attrs.string("mode", "max");
    if (mode != "max" && mode != "min") refuse("there is no mode " + mode);
    if (!isFloat(inputs[0].type) && !isInteger(inputs[0].type)) refuse("takes numbers only");
    Shape shape = inputs[0].shape;
    const auto axis = normalAxis(attrs.integer("axis"), shape.size());
    if (shape[axis] == 0) refuse("the axis is empty");
    if (attrs.integer("keepdims", 1))
      shape[axis] = 1;
    else
      shape.erase(shape.begin() + axis);
    return {{DataType::Int64, shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const HostTensor& x = inputs[0];
    const auto axis = static_cast<std::size_t>(normalAxis(view.attrs.integer("axis"), x.shape.size()));
    const std::int64_t n = x.shape[axis], inner = extentProduct(x.shape, axis + 1, x.shape.size());
    const double sign = view.attrs.string("mode", "max") == "max" ? 1 : -1;
    const bool last = view.attrs.integer("select_last") != 0;
    auto y = outputs[0].as<std::int64_t>();
    for (std::size_t line = 0; line < y.size(); ++line) {
      const std::int64_t at = static_cast<std::int64_t>(line), base = at / inner * n * inner + at % inner;
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < n; ++i) {
        const double value = sign * x.number(base + i * inner), old = sign * x.number(base + best * inner);
        const bool none = std::isnan(value),
                   noneBefore = std::isnan(old);  // NaN counts as better than every number
        if (value > old || (none && !noneBefore) || (last && (value == old || (none && noneBefore))))
          best = i;
      }
      y[line] = best;
    }
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override {
    return {.follow = [](const OpView& op, std::size_t, std::size_t axis) {
      return followReduced(op, {op.attrs.integer("axis")}, axis);
    }};
  }
  std::vector<OpInstance> samples() const override {
    const Fill ties = Fill::integers(-3, 3);
    const auto sample = [](Attributes attrs, TensorDesc x, Fill fill) {
      return makeSample("ArgReduce", std::move(attrs), {std::move(x)}, {fill});
    };
    return {sample({{"axis", 1}}, f32({2, 19, 7, 9}), ties),
            sample({{"axis", 1}, {"keepdims", 0}}, f32({1, 11, 16, 33}), {}),
            sample({{"axis", 1}, {"mode", std::string("min")}, {"select_last", 1}}, f32({2, 19, 7, 9}), ties),
            sample({{"axis", -1}, {"keepdims", 0}}, f32({3, 1000}), {}),
            sample({{"axis", 0}, {"select_last", 1}}, f32({7, 5}), ties),
            sample({{"axis", 0}, {"keepdims", 0}}, f32({9}), ties),
            sample({{"axis", 1}}, {DataType::Int8, {1, 19, 4, 5}, {}}, ties),
            sample({{"axis", 1}}, {DataType::Int64, {4, 5}, {}}, ties)};
  }
};

}  // namespace

void addOperators_arg_reduce(OperatorList& list) {
  static const ArgReduce argReduce;
  list.push_back(&argReduce);
}

}  // namespace tessera
