// Reduce: one value per group of elements along axes. Input: x (f32, f16, i32, i64).
// Attributes: mode (sum, mean, max, min, prod, l1, l2, sum_square, log_sum, log_sum_exp), axes (empty: all),
// keepdims (1).
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ops/follow.hpp"
#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr std::array<std::string_view, 10> kModes = {"sum", "mean", "max",        "min",     "prod",
                                                     "l1",  "l2",   "sum_square", "log_sum", "log_sum_exp"};

/// Marks the extents that are reduced.
std::vector<bool> reducedExtents(const Attributes& attrs, std::size_t rank) {
  const auto axes = attrs.integers("axes");
  std::vector<bool> reduced(rank, axes.empty());
  for (const auto axis : axes) reduced[normalAxis(axis, rank)] = true;
  return reduced;
}

double start(const std::string& mode) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  return mode == "max" || mode == "log_sum_exp" ? -kInf : mode == "min" ? kInf : mode == "prod" ? 1 : 0;
}

double fold(const std::string& mode, double sum, double x) {
  if (mode == "max") return x > sum || std::isnan(x) ? x : sum;  // NaN stays
  if (mode == "min") return x < sum || std::isnan(x) ? x : sum;
  if (mode == "prod") return sum * x;
  if (mode == "l1") return sum + std::fabs(x);
  if (mode == "l2" || mode == "sum_square") return sum + x * x;
  if (mode == "log_sum_exp") {  // the running value is a logarithm, so that nothing overflows
    const double high = sum > x ? sum : x, low = sum > x ? x : sum;
    return std::isinf(high) && !std::isnan(low) ? high : high + std::log1p(std::exp(low - high));
  }
  return sum + x;
}

double finish(const std::string& mode, double sum, std::int64_t count) {
  if (mode == "mean") return sum / static_cast<double>(count);
  if (mode == "l2") return std::sqrt(sum);
  if (mode == "log_sum") return std::log(sum);
  return sum;
}

std::int64_t foldInteger(const std::string& mode, std::int64_t sum, std::int64_t x) {
  if (mode == "max") return std::max(sum, x);
  if (mode == "min") return std::min(sum, x);
  if (mode == "prod") return sum * x;
  if (mode == "l1") return sum + std::abs(x);
  if (mode == "l2" || mode == "sum_square") return sum + x * x;
  return sum + x;
}

class Reduce final : public Operator {
 public:
  std::string_view name() const override { return "Reduce"; }
  AttributeNames attributes() const override { return {"axes", "keepdims", "mode"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const DataType type = inputs[0].type;
    const std::string mode = attrs.string("mode");
    if (std::ranges::find(kModes, mode) == kModes.end()) refuse("there is no reduction '" + mode + "'");
    if (!isFloat(type) && !isInteger(type)) refuse("does not take " + std::string(toString(type)));
    if (isInteger(type) && mode.starts_with("log")) refuse("takes logarithms of floats only");
    const auto reduced = reducedExtents(attrs, inputs[0].shape.size());
    Shape shape;
    for (std::size_t d = 0; d < reduced.size(); ++d) {
      if (!reduced[d])
        shape.push_back(inputs[0].shape[d]);
      else if (attrs.integer("keepdims", 1))
        shape.push_back(1);
    }
    return {{type, shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const HostTensor& x = inputs[0];
    HostTensor& y = outputs[0];
    const std::string mode = view.attrs.string("mode");
    const auto reduced = reducedExtents(view.attrs, x.shape.size());
    std::vector<std::int64_t> strides(x.shape.size(), 0);
    std::int64_t kept = 1;
    for (std::size_t d = x.shape.size(); d-- > 0;)
      if (!reduced[d]) {
        strides[d] = kept;
        kept *= x.shape[d];
      }
    const std::int64_t count = y.size() ? x.size() / y.size() : 0;
    if (isInteger(x.type)) {
      reduceIntegers(mode, x, y, strides, count);
      return;
    }
    std::vector<double> sums(y.size(), start(mode));
    forEachIndex(x.shape, [&](std::int64_t i, auto at) {
      double& sum = sums[dot(at, strides)];
      sum = fold(mode, sum, x.number(i));
    });
    for (std::int64_t i = 0; i < y.size(); ++i) y.setNumber(i, finish(mode, sums[i], count));
  }
  Tolerance tolerance(const OpView&) const override { return {2e-5, 2e-5}; }
  OperatorTraits traits() const override {
    return {.follow = [](const OpView& op, std::size_t,
                         std::size_t axis) { return followReduced(op, op.attrs.integers("axes"), axis); },
            .bits =
                [](const OpView& op) {
                  const std::string mode = op.attrs.string("mode");
                  const bool picks = mode == "max" || mode == "min" || !isFloat(op.inputs[0].type);
                  return picks ? OperatorTraits::Bits::Defined : OperatorTraits::Bits::Ordered;
                }};
  }
  std::vector<OpInstance> samples() const override {
    using Ints = std::vector<std::int64_t>;
    std::vector<OpInstance> list;
    for (const auto mode : kModes) {
      const Fill fill = mode == "log_sum" ? Fill::uniform(0.1, 1)
                        : mode == "prod"  ? Fill::uniform(0.8, 1.2)
                                          : Fill{};
      const auto add = [&](Ints axes, int keep, TensorDesc x, Fill values) {
        list.push_back(makeSample("Reduce", {{"mode", std::string(mode)}, {"axes", axes}, {"keepdims", keep}},
                                  {std::move(x)}, {values}));
      };
      add({1}, 1, f32({3, 5, 4}), fill);
      add({2, 3}, 1, f32({2, 19, 7, 9}), fill);
      add({}, 0, f32({2, 3, 4}), fill);
      if (mode == "sum" || mode == "max" || mode == "mean") {
        add({0}, 0, f32({70, 3}), fill);
        add({1, 3}, 0, f32({2, 5, 3, 300}), fill);
        add({0, 2}, 1, f32({4, 3, 5}), fill);
        add({0, 1, 2, 3}, 1, f32({1, 3, 65, 67}), fill);
        add({}, 1, f32({}), fill);
      }
      if (!mode.starts_with("log"))
        for (const DataType type : {DataType::Int32, DataType::Int64})
          add({1}, 0, {type, {3, 5}, {}}, Fill::integers(-4, 4));
    }
    return list;
  }

 private:
  static void reduceIntegers(const std::string& mode, const HostTensor& x, HostTensor& y,
                             const std::vector<std::int64_t>& strides, std::int64_t count) {
    using Limits = std::numeric_limits<std::int64_t>;
    std::vector<std::int64_t> sums(y.size(), mode == "max"   ? Limits::min()
                                             : mode == "min" ? Limits::max()
                                                             : mode == "prod");
    forEachIndex(x.shape, [&](std::int64_t i, auto at) {
      std::int64_t& sum = sums[dot(at, strides)];
      sum = foldInteger(mode, sum, x.integer(i));
    });
    for (std::int64_t i = 0; i < y.size(); ++i) {
      if (mode == "mean") sums[i] /= std::max<std::int64_t>(count, 1);
      if (mode == "l2") sums[i] = static_cast<std::int64_t>(std::sqrt(static_cast<double>(sums[i])));
      storeInteger(y, i, sums[i]);
    }
  }
};

}  // namespace

void addOperators_reduce(OperatorList& list) {
  static const Reduce reduce;
  list.push_back(&reduce);
}

}  // namespace tessera
