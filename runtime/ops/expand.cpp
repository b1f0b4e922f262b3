// Expand: numpy broadcast to a shape (attribute shape). Tile: repeats whole extents (attribute repeats).
// Input: x.
#include "ops/follow.hpp"
#include "ops/moving.hpp"

namespace tessera {
namespace {

using Ints = std::vector<std::int64_t>;

class Expand final : public MovingOperator {
 public:
  Expand() : MovingOperator("Expand") {}
  AttributeNames attributes() const override { return {"shape"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const std::vector<TensorDesc> both = {inputs[0], {inputs[0].type, attrs.integers("shape"), {}}};
    return {{inputs[0].type, broadcastShapes(both), {}}};
  }
  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto strides = broadcastStrides(inputs[0].shape, outputs[0].shape);
    forEachIndex(outputs[0].shape,
                 [&](std::int64_t i, auto at) { copyElement(outputs[0], i, inputs[0], dot(at, strides)); });
  }
  OperatorTraits traits() const override { return {.broadcasts = true, .follow = followBroadcast}; }
  std::vector<OpInstance> samples() const override {
    return {sample({{"shape", Ints{2, 3, 4}}}, {f32({3, 1})}), sample({{"shape", Ints{1}}}, {f32({2, 3})}),
            sample({{"shape", Ints{5}}}, {f32({})}),
            sample({{"shape", Ints{2, 6, 1, 5}}}, {anyTensor(DataType::Int64, {6, 4, 1})},
                   {anyInteger(DataType::Int64)})};
  }
};

class Tile final : public MovingOperator {
 public:
  Tile() : MovingOperator("Tile") {}
  AttributeNames attributes() const override { return {"repeats"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    Shape shape = inputs[0].shape;
    const auto repeats = perExtent(attrs, "repeats", shape.size());
    for (std::size_t d = 0; d < shape.size(); ++d) {
      if (repeats[d] < 0) refuse("attribute repeats has a negative entry");
      shape[d] = elementCount({shape[d], repeats[d]});
    }
    return {{inputs[0].type, shape, {}}};
  }
  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Shape& x = inputs[0].shape;
    const auto xs = rowMajorStrides(x);
    forEachIndex(outputs[0].shape, [&](std::int64_t i, auto at) {
      std::int64_t from = 0;
      for (std::size_t d = 0; d < at.size(); ++d) from += at[d] % x[d] * xs[d];
      copyElement(outputs[0], i, inputs[0], from);
    });
  }
  std::vector<OpInstance> samples() const override {
    return {sample({{"repeats", Ints{2, 1, 3}}}, {f32({2, 3, 4})}),
            sample({{"repeats", Ints{3}}}, {f32({5})}),
            sample({{"repeats", Ints{1, 2, 2, 2}}}, {f32({1, 3, 2, 5})}),
            sample({{"repeats", Ints{2, 2}}}, {anyTensor(DataType::UInt8, {3, 2})},
                   {anyInteger(DataType::UInt8)})};
  }
};

}  // namespace

void addOperators_expand(OperatorList& list) {
  static const Expand expand;
  static const Tile tile;
  list.push_back(&expand);
  list.push_back(&tile);
}

}  // namespace tessera
