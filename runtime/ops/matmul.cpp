// MatMul: numpy's matrix product; batch extents broadcast, 1-D operands count as a row or a column.
// Inputs: a [.., M, K], b [.., K, N].
#include "ops/matmul.hpp"

#include "ops/epilogue.hpp"
#include "ops/evaluation_work.hpp"
#include "ops/follow.hpp"
#include "ops/ordered.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {

namespace {
Shape batchOf(const Shape& shape) {
  return {shape.begin(), shape.size() < 2 ? shape.begin() : shape.end() - 2};
}
}  // namespace

MatMulShape matMulExtents(const Shape& a, const Shape& b) {
  if (a.empty() || b.empty()) refuse("MatMul does not take scalars");
  MatMulShape s;
  const bool row = a.size() == 1, column = b.size() == 1;
  s.m = row ? 1 : a[a.size() - 2];
  s.k = a.back();
  s.n = column ? 1 : b.back();
  if ((column ? b[0] : b[b.size() - 2]) != s.k)
    refuse(toString(a) + " times " + toString(b) + " does not fit");
  const TensorDesc batches[] = {{DataType::Float32, batchOf(a), {}}, {DataType::Float32, batchOf(b), {}}};
  s.batch = s.output = broadcastShapes(batches);
  if (!row) s.output.push_back(s.m);
  if (!column) s.output.push_back(s.n);
  return s;
}

MatMulShape matMulShape(const Shape& a, const Shape& b) {
  MatMulShape s = matMulExtents(a, b);
  const auto aStrides = broadcastStrides(batchOf(a), s.batch),
             bStrides = broadcastStrides(batchOf(b), s.batch);
  forEachIndex(s.batch, [&](std::int64_t, std::span<const std::int64_t> at) {
    s.aItem.push_back(dot(at, aStrides));
    s.bItem.push_back(dot(at, bStrides));
  });
  return s;
}

namespace {

class MatMul final : public Operator {
 public:
  std::string_view name() const override { return "MatMul"; }
  bool takesHalf(std::size_t) const override { return true; }
  AttributeNames attributes() const override { return {"exact_sums"}; }

  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    if (inputs[0].type != inputs[1].type || inputs[0].type == DataType::Bool)
      refuse("wants operands of one arithmetic type");
    return {{inputs[0].type, matMulExtents(inputs[0].shape, inputs[1].shape).output, {}}};
  }

  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const MatMulShape s = matMulShape(inputs[0].shape, inputs[1].shape);
    const auto a = toDoubles(inputs[0]), b = toDoubles(inputs[1]);
    std::vector<double> y(outputs[0].size());
    for (std::size_t item = 0; item < s.aItem.size(); ++item)
      for (std::int64_t i = 0; i < s.m; ++i)
        for (std::int64_t j = 0; j < s.n; ++j) {
          double sum = 0;
          for (std::int64_t k = 0; k < s.k; ++k)
            sum += a[(s.aItem[item] * s.m + i) * s.k + k] * b[(s.bItem[item] * s.k + k) * s.n + j];
          y[(static_cast<std::int64_t>(item) * s.m + i) * s.n + j] = sum;
        }
    storeDoubles(outputs[0], y);
  }

  Tolerance tolerance(const OpView& view) const override { return sumTolerance(view.inputs[0].shape.back()); }

  OperatorTraits traits() const override {
    return {.multiplyAdds = products,
            .otherWork = [](const OpView& op) { return 3 * products(op); },
            .follow = follow,
            .bits = bitsOfSums};
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    const std::pair<Shape, Shape> shapes[] = {{{5, 7}, {7, 3}},
                                              {{1, 64}, {64, 48}},
                                              {{33, 17}, {17, 65}},
                                              {{2, 5, 7}, {2, 7, 3}},
                                              {{2, 3, 5, 7}, {7, 4}},
                                              {{3, 1, 5, 7}, {4, 7, 2}},
                                              {{7}, {7, 3}},
                                              {{5, 7}, {7}},
                                              {{7}, {7}},
                                              {{2, 5, 7}, {7}},
                                              {{7}, {2, 7, 3}},
                                              {{1, 1, 4, 6}, {2, 3, 6, 4}},
                                              {{2, 1, 1, 9}, {3, 9, 1}},
                                              {{40, 130}, {130, 24}}};
    for (const auto& [a, b] : shapes) samples.push_back(makeSample("MatMul", {}, {f32(a), f32(b)}));
    samples.push_back(makeSample("MatMul", {}, {f32({6, 20}), f32({20, 12})}, {}, {false, true}));
    return samples;
  }

 private:
  static double products(const OpView& op) {
    return elements(op.outputs[0].shape) * static_cast<double>(op.inputs[0].shape.back());
  }
  static std::optional<std::size_t> follow(const OpView& op, std::size_t input, std::size_t axis) {
    if (op.inputs[0].shape.size() < 2 || op.inputs[1].shape.size() < 2) return {};
    const std::size_t rank = op.inputs[input].shape.size(), summed = input == 0 ? rank - 1 : rank - 2;
    return axis == summed ? std::nullopt : followBroadcast(op, input, axis);
  }
};

}  // namespace

void addOperators_matmul(OperatorList& list) {
  static const MatMul matMul;
  list.push_back(&matMul);
}

}  // namespace tessera
