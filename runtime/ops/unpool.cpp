// Unpool: scatters x to flat indices of a zeroed output; where an index comes twice, its last value stays
// (pooling gives equal values then). Inputs: x, indices i64 (flat over the whole output). Attribute:
// output_shape.
#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class Unpool final : public Operator {
 public:
  std::string_view name() const override { return "Unpool"; }
  AttributeNames attributes() const override { return {"output_shape"}; }

  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    if (inputs[1].type != DataType::Int64) refuse("wants i64 indices");
    if (inputs[0].shape != inputs[1].shape)
      refuse("indices " + toString(inputs[1].shape) + " differ in shape from x " + toString(inputs[0].shape));
    const Shape y = attrs.integers("output_shape");
    const Shape& x = inputs[0].shape;
    if (y.size() != x.size() || x.size() < 3 || y[0] != x[0] || y[1] != x[1])
      refuse("output_shape " + toString(y) + " does not fit x " + toString(x));
    return {{inputs[0].type, y, {}}};
  }

  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto indices = inputs[1].as<std::int64_t>();
    for (std::int64_t i = 0; i < inputs[0].size(); ++i)
      if (indices[i] >= 0 && indices[i] < outputs[0].size())
        copyElement(outputs[0], indices[i], inputs[0], i);
  }

  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  QuantRule quantRule(const OpView&) const override { return QuantRule::SameScale; }

  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    const auto add = [&](Shape x, Shape y) {
      HostTensor indices(DataType::Int64, x);
      const std::int64_t cells = elementCount(y), count = elementCount(x);
      // Distinct indices, none of them in order: multiples of a number coprime with every size used here.
      for (std::int64_t i = 0; i < count; ++i) indices.as<std::int64_t>()[i] = (i * 7919 + 3) % cells;
      samples.push_back(makeSample("Unpool", {{"output_shape", y}}, {f32(x), {DataType::Int64, x, {}}},
                                   {Fill::uniform(-1, 1), Fill::of(indices)}));
    };
    add({1, 1, 2, 2}, {1, 1, 4, 4});
    add({2, 3, 4, 5}, {2, 3, 8, 11});
    add({1, 2, 5}, {1, 2, 10});
    add({1, 2, 2, 3, 2}, {1, 2, 4, 6, 4});
    return samples;
  }
};

}  // namespace

void addOperators_unpool(OperatorList& list) {
  static const Unpool unpool;
  list.push_back(&unpool);
}

}  // namespace tessera
