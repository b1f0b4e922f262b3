// AbsMax and Histogram: what calibration records of a tensor.
// AbsMax: x f32 -> [1], the largest absolute value; NaN and infinities do not count.
// Histogram: x f32, limit f32 [1] -> i32 [bins]; bin = min(int(|x| * (bins / limit)), bins - 1), finite
// values only; a limit below 2^-100 counts everything in bin 0. Attributes: bins (2048); round_limit (1: the
// limit is rounded up to a power of two, so that histograms of different tensors can be added exactly).
#include <cmath>
#include <limits>

#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class AbsMax final : public Operator {
 public:
  std::string_view name() const override { return "AbsMax"; }
  bool takesHalf(std::size_t) const override { return false; }
  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    if (inputs[0].type != DataType::Float32) refuse("wants f32");
    return {f32({1})};
  }
  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    float top = 0;
    for (const float v : inputs[0].as<float>())
      if (std::isfinite(v)) top = std::max(top, std::abs(v));
    outputs[0].as<float>()[0] = top;
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override { return {.statistic = true}; }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples{
        makeSample("AbsMax", {}, {f32({2, 19, 33, 47})}), makeSample("AbsMax", {}, {f32({1, 3, 5, 7})}),
        makeSample("AbsMax", {}, {f32({1})}), makeSample("AbsMax", {}, {f32({3, 1000})})};
    samples.push_back(makeSample("AbsMax", {}, {f32({1, 4})},
                                 {Fill::of(HostTensor::of<float>({1, 4}, {-3, NAN, -INFINITY, 2}))}));
    return samples;
  }
};

// Bins per unit of |x|.
float binRate(std::int32_t bins, float limit, bool round) {
  if (!(limit >= 0x1p-100f)) return 0;
  if (!round) return static_cast<float>(bins) / limit;
  int exponent = 0;
  if (std::frexp(limit, &exponent) == 0.5f) --exponent;
  return std::ldexp(static_cast<float>(bins), -exponent);
}

class Histogram final : public Operator {
 public:
  std::string_view name() const override { return "Histogram"; }
  bool takesHalf(std::size_t) const override { return false; }
  AttributeNames attributes() const override { return {"bins", "round_limit"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    if (inputs[0].type != DataType::Float32 || inputs[1].type != DataType::Float32 || inputs[1].size() != 1)
      refuse("wants f32 and one f32 limit");
    const std::int64_t bins = attrs.integer("bins", 2048);
    if (bins < 1 || bins > 4096) refuse("bins must lie in 1 to 4096");
    return {{DataType::Int32, {bins}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto bins = static_cast<std::int32_t>(view.outputs[0].shape[0]);
    const float rate = binRate(bins, inputs[1].as<float>()[0], view.attrs.integer("round_limit") != 0);
    auto counts = outputs[0].as<std::int32_t>();
    for (const float v : inputs[0].as<float>())
      if (std::isfinite(v))
        ++counts[static_cast<std::size_t>(std::min(std::abs(v) * rate, static_cast<float>(bins - 1)))];
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override { return {.statistic = true}; }
  std::vector<OpInstance> samples() const override {
    const auto sample = [](Shape shape, float limit, Attributes attrs = {}) {
      return makeSample("Histogram", std::move(attrs), {f32(std::move(shape)), f32({1})},
                        {Fill::uniform(-2, 2), Fill::of(HostTensor::of<float>({1}, {limit}))});
    };
    // Values and a limit at the ends of what a float holds.
    const auto extreme = [](std::vector<float> x, float limit, Attributes attrs = {}) {
      const auto count = static_cast<std::int64_t>(x.size());
      return makeSample(
          "Histogram", std::move(attrs), {f32({1, count}), f32({1})},
          {Fill::of(HostTensor::of<float>({1, count}, x)), Fill::of(HostTensor::of<float>({1}, {limit}))});
    };
    const Attributes rounded{{"bins", 4096}, {"round_limit", 1}};
    const float most = std::numeric_limits<float>::max();
    std::vector<float> mixed(64, 1.0f);
    mixed[3] = INFINITY, mixed[20] = -INFINITY, mixed[41] = NAN, mixed[63] = -2.0f;
    std::vector<float> large(40, 1e38f);
    large[7] = most, large[30] = -0x1p127f, large[31] = 0.0f;
    std::vector<float> small(40, 1e-36f);
    small[0] = 0.0f, small[39] = 3e-32f;
    return {extreme(mixed, 2),
            extreme(mixed, 2, rounded),
            extreme(large, most),
            extreme(large, most, rounded),
            extreme(large, 0x1p127f, rounded),
            extreme(small, 3e-32f),
            extreme(small, 3e-32f, rounded),
            extreme(small, 1e-40f, rounded),
            sample({2, 19, 33, 47}, 2),
            sample({1, 3, 5, 7}, 0.5f),
            sample({1}, 3),
            sample({1, 16, 40, 40}, 0),
            sample({2, 21, 60, 70}, 1.7f, {{"bins", 4095}, {"round_limit", 1}}),
            sample({1, 5, 30, 31}, 2, {{"bins", 100}, {"round_limit", 1}})};
  }
};

}  // namespace

void addOperators_tensor_statistics(OperatorList& list) {
  static const AbsMax absMax;
  static const Histogram histogram;
  list.push_back(&absMax);
  list.push_back(&histogram);
}

}  // namespace tessera
