// TopK: the k largest (or smallest) along an axis, best first; of equal ones the first wins. Input: x.
// Outputs: values, indices (i64). Attributes: k, axis (-1), largest (1), sorted (1; always kept sorted).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/evaluation_work.hpp"
#include "ops/moving.hpp"

namespace tessera {
namespace {

class TopK final : public MovingOperator {
 public:
  TopK() : MovingOperator("TopK") {}
  AttributeNames attributes() const override { return {"axis", "k", "largest"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    Shape shape = inputs[0].shape;
    const auto axis = normalAxis(attrs.integer("axis", -1), shape.size());
    const std::int64_t k = attrs.integer("k", 1);
    if (k < 0 || k > shape[axis])
      refuse("k is " + std::to_string(k) + " but the axis has " + std::to_string(shape[axis]));
    shape[axis] = k;
    return {{inputs[0].type, shape, {}}, {DataType::Int64, shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const HostTensor& x = inputs[0];
    const auto axis = static_cast<std::size_t>(normalAxis(view.attrs.integer("axis", -1), x.shape.size()));
    const std::int64_t n = x.shape[axis], k = outputs[0].shape[axis],
                       inner = extentProduct(x.shape, axis + 1, x.shape.size());
    const std::int64_t outer = extentProduct(x.shape, 0, axis);
    const bool largest = view.attrs.integer("largest", 1) != 0;
    std::vector<std::int64_t> order(n);
    for (std::int64_t line = 0; line < outer * inner; ++line) {
      const std::int64_t base = line / inner * n * inner + line % inner;
      std::iota(order.begin(), order.end(), 0);
      std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) {
        const double va = x.number(base + a * inner), vb = x.number(base + b * inner);
        if (std::isnan(va) || std::isnan(vb))
          return std::isnan(largest ? va : vb) && !std::isnan(largest ? vb : va);
        return largest ? va > vb : va < vb;  // NaN ranks above every number
      });
      for (std::int64_t i = 0; i < k; ++i) {
        const std::int64_t to = line / inner * k * inner + i * inner + line % inner;
        copyElement(outputs[0], to, x, base + order[i] * inner);
        outputs[1].as<std::int64_t>()[to] = order[i];
      }
    }
  }
  QuantRule quantRule(const OpView&) const override { return QuantRule::Float; }
  OperatorTraits traits() const override {
    return {.otherWork = [](const OpView& op) { return 200 * elements(op.inputs[0].shape); }};
  }
  std::vector<OpInstance> samples() const override {
    const Fill ties = Fill::integers(-4, 4);
    return {sample({{"k", 3}}, {f32({4, 9})}, {ties}),
            sample({{"k", 5}, {"largest", 0}}, {f32({3, 40})}, {ties}),
            sample({{"k", 2}, {"axis", 1}}, {f32({2, 5, 3})}),
            sample({{"k", 7}}, {f32({7})}),
            sample({{"k", 100}}, {f32({2, 1000})}),
            sample({{"k", 2}}, {anyTensor(DataType::Int64, {3, 6})}, {ties})};
  }
};

}  // namespace

void addOperators_top_k(OperatorList& list) {
  static const TopK topK;
  list.push_back(&topK);
}

}  // namespace tessera
