// Transpose: extent d of y is extent perm[d] of x. Input: x. Attribute perm (default: reversed).
#include <algorithm>

#include "ops/moving.hpp"

namespace tessera {
namespace {

std::vector<std::int64_t> permutation(const Attributes& attrs, std::size_t rank) {
  std::vector<std::int64_t> perm(rank);
  for (std::size_t d = 0; d < rank; ++d) perm[d] = static_cast<std::int64_t>(rank - 1 - d);
  if (attrs.has("perm")) perm = perExtent(attrs, "perm", rank);
  auto sorted = perm;
  std::ranges::sort(sorted);
  for (std::size_t d = 0; d < rank; ++d)
    if (sorted[d] != static_cast<std::int64_t>(d)) refuse("attribute perm is no permutation of the extents");
  return perm;
}

class Transpose final : public MovingOperator {
 public:
  Transpose() : MovingOperator("Transpose") {}
  AttributeNames attributes() const override { return {"perm"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    Shape shape;
    for (const auto d : permutation(attrs, inputs[0].shape.size())) shape.push_back(inputs[0].shape[d]);
    return {{inputs[0].type, shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto perm = permutation(view.attrs, inputs[0].shape.size());
    const auto xs = rowMajorStrides(inputs[0].shape);
    std::vector<std::int64_t> strides;
    for (const auto d : perm) strides.push_back(xs[d]);
    forEachIndex(outputs[0].shape,
                 [&](std::int64_t i, auto at) { copyElement(outputs[0], i, inputs[0], dot(at, strides)); });
  }
  OperatorTraits traits() const override { return {.follow = follow}; }
  std::vector<OpInstance> samples() const override {
    using Ints = std::vector<std::int64_t>;
    std::vector<OpInstance> list = {sample({{"perm", Ints{0, 2, 3, 1}}}, {f32({2, 5, 33, 35})}),
                                    sample({{"perm", Ints{0, 3, 1, 2}}}, {f32({1, 17, 33, 3})}),
                                    sample({{"perm", Ints{1, 0}}}, {f32({70, 33})}),
                                    sample({{"perm", Ints{2, 0, 1}}}, {f32({4, 5, 6})}),
                                    sample({{"perm", Ints{4, 2, 0, 3, 1}}}, {f32({2, 3, 4, 5, 2})}),
                                    sample({{"perm", Ints{0, 2, 1, 3}}}, {f32({2, 3, 5, 8})}),
                                    sample({}, {f32({2, 3, 4})}),
                                    sample({{"perm", Ints{}}}, {f32({})})};
    for (const DataType type : {DataType::UInt8, DataType::Float16, DataType::Int64})
      list.push_back(sample({{"perm", Ints{1, 0}}}, {anyTensor(type, {5, 9})}, {anyInteger(type)}));
    return list;
  }

 private:
  static std::optional<std::size_t> follow(const OpView& op, std::size_t, std::size_t axis) {
    const auto perm = op.attrs.integers("perm");
    const auto at = std::ranges::find(perm, static_cast<std::int64_t>(axis));
    if (at == perm.end()) return {};
    return static_cast<std::size_t>(at - perm.begin());
  }
};

}  // namespace

void addOperators_transpose(OperatorList& list) {
  static const Transpose transpose;
  list.push_back(&transpose);
}

}  // namespace tessera
