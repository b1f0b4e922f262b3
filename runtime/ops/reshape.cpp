// Reshape: the same elements in row-major order under another shape. Input: x. Attribute shape: the final
// one.
#include "ops/moving.hpp"

namespace tessera {
namespace {

class Reshape final : public MovingOperator {
 public:
  Reshape() : MovingOperator("Reshape") {}
  AttributeNames attributes() const override { return {"shape"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const Shape shape = attrs.integers("shape");
    for (const auto extent : shape)
      if (extent < 0) refuse("attribute shape has a negative extent; importers resolve -1");
    if (elementCount(shape) != inputs[0].size())
      refuse("can not reshape " + toString(inputs[0].shape) + " to " + toString(shape));
    return {{inputs[0].type, shape, {}}};
  }
  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    outputs[0].data = inputs[0].data;
  }
  OperatorTraits traits() const override {
    return {.view = OperatorTraits::View::Reshaped, .follow = follow};
  }
  std::vector<OpInstance> samples() const override {
    using Ints = std::vector<std::int64_t>;
    return {
        sample({{"shape", Ints{6, 35}}}, {f32({2, 3, 5, 7})}), sample({{"shape", Ints{}}}, {f32({1, 1})}),
        sample({{"shape", Ints{1, 5, 3}}}, {anyTensor(DataType::Int64, {15})}, {anyInteger(DataType::Int64)}),
        sample({{"shape", Ints{4, 9, 5, 2}}}, {f32({2, 18, 5, 2})})};
  }

 private:
  /// An extent stays one where as many elements lie before it.
  static std::optional<std::size_t> follow(const OpView& op, std::size_t, std::size_t axis) {
    const Shape &x = op.inputs[0].shape, &y = op.outputs[0].shape;
    for (std::size_t to = 0; to < y.size(); ++to)
      if (y[to] == x[axis] && extentProduct(y, 0, to) == extentProduct(x, 0, axis)) return to;
    return {};
  }
};

}  // namespace

void addOperators_reshape(OperatorList& list) {
  static const Reshape reshape;
  list.push_back(&reshape);
}

}  // namespace tessera
