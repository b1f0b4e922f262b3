// GatherNd: the last extent q of indices [.., q] addresses the first q extents of x (after batch_dims shared
// ones) and picks slices. Inputs: x, indices. Attribute batch_dims (0). ScatterNd: y = x, then the slices so
// addressed are replaced by (or combined with) updates, in order. Inputs: x, indices, updates. Attribute
// reduction (none, add, mul, max, min).
#include "ops/indexing.hpp"

namespace tessera {
namespace {

/// Offset of the slice that tuple `t` of the indices addresses, starting at extent `first` of x.
std::int64_t sliceStart(const HostTensor& indices, std::int64_t t, const Shape& x, std::size_t first) {
  const auto q = static_cast<std::size_t>(indices.shape.back());
  std::int64_t at = 0;
  for (std::size_t k = 0; k < q; ++k)
    at = at * x[first + k] +
         indexInto(indices, t * static_cast<std::int64_t>(q) + static_cast<std::int64_t>(k), x[first + k]);
  return at * extentProduct(x, first + q, x.size());
}

class GatherNd final : public MovingOperator {
 public:
  GatherNd() : MovingOperator("GatherNd") {}
  AttributeNames attributes() const override { return {"batch_dims"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    wantIndices(inputs[1]);
    const Shape &x = inputs[0].shape, &indices = inputs[1].shape;
    const auto batch = static_cast<std::size_t>(attrs.integer("batch_dims"));
    if (indices.empty() || batch >= indices.size() || batch + indices.back() > x.size())
      refuse("indices of shape " + toString(indices) + " do not address " + toString(x));
    for (std::int64_t k = 0; k < indices.back(); ++k)
      wantElements(x, static_cast<std::int64_t>(batch) + k, inputs[1]);
    for (std::size_t d = 0; d < batch; ++d)
      if (indices[d] != x[d]) refuse("batch extents of indices and x differ");
    Shape shape(indices.begin(), indices.end() - 1);
    shape.insert(shape.end(), x.begin() + static_cast<long>(batch) + indices.back(), x.end());
    return {{inputs[0].type, shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Shape &x = inputs[0].shape, &indices = inputs[1].shape;
    const auto batch = static_cast<std::size_t>(view.attrs.integer("batch_dims"));
    const std::int64_t batches = extentProduct(x, 0, batch),
                       perBatch = extentProduct(indices, batch, indices.size() - 1);
    const std::int64_t slice = extentProduct(x, batch + static_cast<std::size_t>(indices.back()), x.size());
    for (std::int64_t t = 0; t < batches * perBatch; ++t) {
      const std::int64_t from =
          t / perBatch * extentProduct(x, batch, x.size()) + sliceStart(inputs[1], t, x, batch);
      for (std::int64_t i = 0; i < slice; ++i) copyElement(outputs[0], t * slice + i, inputs[0], from + i);
    }
  }
  OperatorTraits traits() const override { return {.follow = follow}; }
  std::vector<OpInstance> samples() const override {
    const DataType i64 = DataType::Int64;
    const Fill some = Fill::of(HostTensor::of<std::int64_t>({3, 2}, {0, 1, 1, -1, -2, 0}));
    return {
        sample({}, {f32({2, 3}), anyTensor(i64, {3, 2})}, {{}, some}),
        sample({}, {f32({2, 3, 4}), anyTensor(i64, {3, 2})}, {{}, some}),
        sample({}, {f32({3, 5}), anyTensor(i64, {2, 2, 1})}, {{}, Fill::integers(-9, 9)}),  // some outside
        sample({{"batch_dims", 1}}, {f32({2, 3, 4}), anyTensor(DataType::Int32, {2, 5, 1})},
               {{}, Fill::integers(-3, 2)})};
  }

 private:
  static std::optional<std::size_t> follow(const OpView& op, std::size_t input, std::size_t axis) {
    const auto batch = static_cast<std::size_t>(op.attrs.integer("batch_dims"));
    const bool tuples = input == 1 && axis + 1 < op.inputs[1].shape.size() && axis >= batch;
    return tuples ? std::optional(axis) : std::nullopt;
  }
};

class ScatterNd final : public MovingOperator {
 public:
  ScatterNd() : MovingOperator("ScatterNd") {}
  AttributeNames attributes() const override { return {"reduction"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 3, 3);
    wantIndices(inputs[1]);
    wantReduction(attrs.string("reduction", "none"), inputs[0].type);
    const Shape &x = inputs[0].shape, &indices = inputs[1].shape;
    if (indices.empty() || indices.back() > static_cast<std::int64_t>(x.size()))
      refuse("indices of shape " + toString(indices) + " do not address " + toString(x));
    for (std::int64_t k = 0; k < indices.back(); ++k) wantElements(x, k, inputs[1]);
    Shape updates(indices.begin(), indices.end() - 1);
    updates.insert(updates.end(), x.begin() + indices.back(), x.end());
    if (inputs[2].shape != updates || inputs[2].type != inputs[0].type)
      refuse("updates must have shape " + toString(updates) + " and the type of x");
    return {{inputs[0].type, x, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Shape &x = inputs[0].shape, &indices = inputs[1].shape;
    const std::string reduction = view.attrs.string("reduction", "none");
    outputs[0].data = inputs[0].data;
    const std::int64_t tuples = extentProduct(indices, 0, indices.size() - 1);
    const std::int64_t slice = extentProduct(x, static_cast<std::size_t>(indices.back()), x.size());
    for (std::int64_t t = 0; t < tuples; ++t) {
      const std::int64_t to = sliceStart(inputs[1], t, x, 0);
      for (std::int64_t i = 0; i < slice; ++i)
        combine(reduction, outputs[0], to + i, inputs[2], t * slice + i);
    }
  }
  Tolerance tolerance(const OpView&) const override { return {1e-6, 1e-6}; }
  QuantRule quantRule(const OpView&) const override { return QuantRule::Float; }
  std::vector<OpInstance> samples() const override {
    const DataType i64 = DataType::Int64;
    const Fill unique = Fill::of(HostTensor::of<std::int64_t>({3, 1}, {2, -4, 1}));
    const Fill repeated = Fill::of(HostTensor::of<std::int64_t>({4, 2}, {0, 1, 1, 1, 0, 1, -1, -1}));
    std::vector<OpInstance> list = {
        sample({}, {f32({4, 5}), anyTensor(i64, {3, 1}), f32({3, 5})}, {{}, unique}),
        sample({}, {f32({8}), anyTensor(i64, {3, 1}), f32({3})}, {{}, unique}),
        sample({}, {f32({5}), anyTensor(DataType::Int32, {1, 0}), f32({1, 5})}, {{}, Fill::integers(0, 0)})};
    for (const char* reduction : {"add", "mul", "max", "min"})
      list.push_back(sample({{"reduction", std::string(reduction)}},
                            {f32({3, 2, 4}), anyTensor(i64, {4, 2}), f32({4, 4})}, {{}, repeated}));
    return list;
  }
};

}  // namespace

void addOperators_gather_nd(OperatorList& list) {
  static const GatherNd gather;
  static const ScatterNd scatter;
  list.push_back(&gather);
  list.push_back(&scatter);
}

}  // namespace tessera
