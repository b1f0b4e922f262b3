// Trilu: keeps the upper (or lower) triangle of the last two extents, zeros elsewhere. Input: x.
// Attributes: upper (1), k (0): the diagonal from which elements are kept.
#include "ops/moving.hpp"

namespace tessera {
namespace {

class Trilu final : public MovingOperator {
 public:
  Trilu() : MovingOperator("Trilu") {}
  AttributeNames attributes() const override { return {"k", "upper"}; }
  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    if (inputs[0].shape.size() < 2) refuse("wants rank 2 at least");
    return {{inputs[0].type, inputs[0].shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Shape& x = inputs[0].shape;
    const std::int64_t columns = x.back(), rows = x[x.size() - 2], k = view.attrs.integer("k");
    const bool upper = view.attrs.integer("upper", 1) != 0;
    for (std::int64_t i = 0; i < inputs[0].size(); ++i) {
      const std::int64_t distance = i % columns - i / columns % rows;
      if (upper ? distance >= k : distance <= k) copyElement(outputs[0], i, inputs[0], i);
    }
  }
  std::vector<OpInstance> samples() const override {
    return {sample({}, {f32({4, 5})}), sample({{"upper", 0}, {"k", -1}}, {f32({2, 5, 4})}),
            sample({{"upper", 0}, {"k", 2}}, {f32({3, 7})}), sample({{"k", 9}}, {f32({3, 3})}),
            sample({{"k", -1}}, {anyTensor(DataType::Int64, {5, 5})}, {anyInteger(DataType::Int64)})};
  }
};

}  // namespace

void addOperators_trilu(OperatorList& list) {
  static const Trilu trilu;
  list.push_back(&trilu);
}

}  // namespace tessera
