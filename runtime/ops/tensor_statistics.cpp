// Histogram and ChannelExtremes: what calibration records of a tensor.
// Histogram: x f32 -> counts i32 [4096], largest f32 [1]: of |x|, finite values only. Bins are equal and
// reach to 2^e, the least power of two above the largest (e = -100 at least), so that histograms of different
// tensors can be added exactly. ChannelExtremes: x f32 [N, C, ..] -> high f32 [N, C], low f32 [N, C]: the
// largest and the least value of each channel; the largest is NaN where there is any.
#include <cmath>
#include <limits>

#include "ops/histogram.hpp"
#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {

int histogramExponent(float largest) {
  int exponent = 0;
  std::frexp(largest, &exponent);
  return largest > 0 ? std::max(exponent, -100) : -100;
}

namespace {

class Histogram final : public Operator {
 public:
  std::string_view name() const override { return "Histogram"; }
  bool takesHalf(std::size_t) const override { return false; }
  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    if (inputs[0].type != DataType::Float32) refuse("wants f32");
    return {{DataType::Int32, {kHistogramBins}, {}}, f32({1})};
  }
  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    float& top = outputs[1].as<float>()[0];
    for (const float v : inputs[0].as<float>())
      if (std::isfinite(v)) top = std::max(top, std::abs(v));
    const int exponent = histogramExponent(top);
    auto counts = outputs[0].as<std::int32_t>();
    for (const float v : inputs[0].as<float>())
      if (std::isfinite(v))
        ++counts[static_cast<std::size_t>(
            std::ldexp(static_cast<double>(std::abs(v)), kHistogramBits - exponent))];
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override { return {.statistic = true}; }
  std::vector<OpInstance> samples() const override {
    const auto sample = [](Shape shape, double span = 2) {
      return makeSample("Histogram", {}, {f32(std::move(shape))}, {Fill::uniform(-span, span)});
    };
    const auto of = [](Shape shape, const std::vector<float>& x) {
      return makeSample("Histogram", {}, {f32(shape)}, {Fill::of(HostTensor::of<float>(shape, x))});
    };
    const float most = std::numeric_limits<float>::max();
    std::vector<float> mixed(64, 1.0f);
    mixed[3] = INFINITY, mixed[20] = -INFINITY, mixed[41] = NAN, mixed[63] = -2.0f;
    std::vector<float> large(40, 1e38f);
    large[7] = most, large[30] = -0x1p127f, large[31] = 0.0f;
    std::vector<float> small(40, 1e-36f);
    small[0] = 0.0f, small[39] = 3e-32f;
    // Limits that grow within a part and differ between parts; zeros between them and powers of two, which
    // begin a bin.
    std::vector<float> growing(2 * 21 * 60 * 70);
    for (std::size_t i = 0; i < growing.size(); ++i) {
      const float size = std::ldexp(1.0f, static_cast<int>(i / 3000) % 23 - 14);
      growing[i] = i % 7 == 0 ? 0.0f : i % 5 == 0 ? size : size * static_cast<float>(i * 97 % 1009) / -1009;
    }
    return {of({1, 64}, mixed),
            of({1, 40}, large),
            of({1, 40}, small),
            of({2, 21, 60, 70}, growing),
            of({1, 3}, {4, 0, -4}),
            of({1, 16, 40, 40}, std::vector<float>(std::size_t{16} * 40 * 40, 0.0f)),
            sample({2, 19, 33, 47}),
            sample({1, 3, 5, 7}, 0.5),
            sample({1}),
            sample({3, 1000}),
            sample({2, 5, 130, 131})};
  }
};

class ChannelExtremesOp final : public Operator {
 public:
  std::string_view name() const override { return "ChannelExtremes"; }
  bool takesHalf(std::size_t) const override { return false; }
  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    if (inputs[0].type != DataType::Float32) refuse("wants f32");
    if (inputs[0].shape.size() < 3) refuse("wants items, channels and a spatial extent");
    const TensorDesc rows = f32({inputs[0].shape[0], inputs[0].shape[1]});
    return {rows, rows};
  }
  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto x = inputs[0].as<float>();
    const auto high = outputs[0].as<float>(), low = outputs[1].as<float>();
    const auto plane = x.size() / std::max<std::size_t>(high.size(), 1);
    for (std::size_t row = 0; row < high.size(); ++row) {
      high[row] = -INFINITY, low[row] = INFINITY;
      for (const float v : x.subspan(row * plane, plane)) {
        if (!(v <= high[row]) && !std::isnan(high[row])) high[row] = v;  // NaN stays
        if (v < low[row]) low[row] = v;
      }
    }
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override { return {.statistic = true}; }
  std::vector<OpInstance> samples() const override {
    const auto sample = [](Shape shape, double low, double high) {
      return makeSample("ChannelExtremes", {}, {f32(std::move(shape))}, {Fill::uniform(low, high)});
    };
    std::vector<float> odd(3 * 37, 0.5f);
    odd[2] = NAN, odd[36] = -3, odd[40] = INFINITY, odd[110] = 7;
    return {makeSample("ChannelExtremes", {}, {f32({1, 3, 37})},
                       {Fill::of(HostTensor::of<float>({1, 3, 37}, odd))}),
            sample({2, 35, 29, 31}, -2, 1), sample({1, 16, 4, 4}, -2, -1), sample({2, 3, 1, 1}, 1, 2),
            sample({1, 20, 2, 5, 3}, -1, 1)};
  }
};

}  // namespace

void addOperators_tensor_statistics(OperatorList& list) {
  static const Histogram histogram;
  static const ChannelExtremesOp channelExtremes;
  list.push_back(&histogram);
  list.push_back(&channelExtremes);
}

}  // namespace tessera
