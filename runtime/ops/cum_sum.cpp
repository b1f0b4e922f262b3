// CumSum: running sums along an axis. Input: x (f32, f16, i32, i64). Attributes: axis, exclusive (0), reverse
// (0).
#include "ops/follow.hpp"
#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class CumSum final : public Operator {
 public:
  std::string_view name() const override { return "CumSum"; }
  AttributeNames attributes() const override { return {"axis", "exclusive", "reverse"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const DataType type = inputs[0].type;
    if (!isFloat(type) && type != DataType::Int32 && type != DataType::Int64)
      refuse("takes floats, i32 or i64");
    normalAxis(attrs.integer("axis"), inputs[0].shape.size());
    return {{type, inputs[0].shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const HostTensor& x = inputs[0];
    HostTensor& y = outputs[0];
    const auto axis = static_cast<std::size_t>(normalAxis(view.attrs.integer("axis"), x.shape.size()));
    const std::int64_t n = x.shape[axis], inner = extentProduct(x.shape, axis + 1, x.shape.size());
    const std::int64_t lines = n ? x.size() / n : 0;
    const bool exclusive = view.attrs.integer("exclusive") != 0, reverse = view.attrs.integer("reverse") != 0;
    for (std::int64_t line = 0; line < lines; ++line) {
      double sum = 0;
      std::int64_t whole = 0;
      for (std::int64_t k = 0; k < n; ++k) {
        const std::int64_t i = line / inner * n * inner + (reverse ? n - 1 - k : k) * inner + line % inner;
        const double before = sum;
        const std::int64_t wholeBefore = whole;
        if (isFloat(x.type))
          sum += x.number(i);
        else
          whole += x.integer(i);
        if (isFloat(x.type))
          y.setNumber(i, exclusive ? before : sum);
        else
          storeInteger(y, i, exclusive ? wholeBefore : whole);
      }
    }
  }
  Tolerance tolerance(const OpView&) const override { return {1e-5, 1e-5}; }
  OperatorTraits traits() const override {
    return {.follow = [](const OpView& op, std::size_t, std::size_t axis) {
      return followUnless(axisAttribute(op, -1), axis);
    }};
  }
  std::vector<OpInstance> samples() const override {
    const auto sample = [](Attributes attrs, TensorDesc x, Fill fill = {}) {
      return makeSample("CumSum", std::move(attrs), {std::move(x)}, {fill});
    };
    return {sample({{"axis", 0}}, f32({9})), sample({{"axis", 1}, {"exclusive", 1}}, f32({2, 5, 3})),
            sample({{"axis", -1}, {"reverse", 1}}, f32({4, 70})),
            sample({{"axis", 0}, {"reverse", 1}, {"exclusive", 1}}, {DataType::Int32, {5, 3}, {}},
                   Fill::integers(-9, 9)),
            sample({{"axis", 1}}, {DataType::Int64, {3, 4}, {}}, Fill::integers(-9, 9))};
  }
};

}  // namespace

void addOperators_cum_sum(OperatorList& list) {
  static const CumSum cumSum;
  list.push_back(&cumSum);
}

}  // namespace tessera
