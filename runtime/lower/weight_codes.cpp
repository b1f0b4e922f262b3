// Weights as codes.
#include "lower/weight_codes.hpp"

#include <algorithm>
#include <cmath>

#include "lower/precision.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

// Which output channel weights belong to: they lie in runs of one channel.
class Channels {
 public:
  Channels(const HostTensor& weights, std::size_t outputAxis, std::int64_t groups)
      : first_(outputAxis == 0),
        outer_(first_ ? 1 : weights.shape[0]),
        perGroup_(weights.shape[outputAxis]),
        inner_(weights.size() / std::max<std::int64_t>(outer_ * perGroup_, 1)),
        groups_(groups) {}
  std::int64_t count() const { return first_ ? perGroup_ : perGroup_ * groups_; }
  /// visit(channel, first weight of a run, the one behind its last)
  template <class Visit>
  void forEachRun(Visit&& visit) const {
    for (std::int64_t o = 0; o < outer_; ++o) {
      const std::int64_t group = first_ ? 0 : o / (outer_ / groups_);
      for (std::int64_t k = 0; k < perGroup_; ++k) {
        const std::int64_t begin = (o * perGroup_ + k) * inner_;
        visit(group * perGroup_ + k, begin, begin + inner_);
      }
    }
  }

 private:
  bool first_;
  std::int64_t outer_, perGroup_, inner_, groups_;
};

std::vector<float> spread(const std::vector<float>& given, std::int64_t channels) {
  if (static_cast<std::int64_t>(given.size()) != channels && given.size() != 1)
    throw Error(ErrorCode::BadCache, "the number of weight scales differs from the output channels");
  return given.size() == 1 ? std::vector<float>(channels, given[0]) : given;
}

// A product code * scale, rounded to f32, and the division by a scale that was itself found by dividing are
// off by a few parts in 10^7: 127 times that is far below this.
constexpr float kCodeError = 1e-3f;

bool isCode(float quotient, float most) {
  return std::abs(quotient) < most + kCodeError && std::abs(quotient - std::rint(quotient)) < kCodeError;
}

// The scale whose multiples the values are, with the largest of them `n` times it for the greatest n; 0:
// none.
float findScale(const std::vector<float>& values, float most) {
  float largest = 0;
  for (const float v : values) largest = std::max(largest, std::abs(v));
  if (!std::isfinite(largest)) return 0;
  if (largest == 0) return 1;
  for (int n = static_cast<int>(most); n > 0; --n) {
    const float scale = largest / static_cast<float>(n);
    if (std::all_of(values.begin(), values.end(), [&](float v) { return isCode(v / scale, most); }))
      return scale;
  }
  return 0;
}

}  // namespace

WeightAxis weightAxis(const Layer& layer) {
  const auto weights = traitsOf(layer.op).weights;
  if (!weights || weights->outputAxis == 0) return {};
  return {weights->outputAxis, layer.attrs.integer("group", 1)};
}

CodedWeights encodeWeights(const HostTensor& weights, std::size_t outputAxis, std::int64_t groups,
                           const std::vector<float>* given) {
  const auto w = weights.as<float>();
  const Channels channels(weights, outputAxis, groups);
  CodedWeights coded{HostTensor(DataType::Int8, weights.shape), std::vector<float>(channels.count(), 0)};
  if (given) {
    coded.scales = spread(*given, channels.count());
  } else {
    channels.forEachRun([&](std::int64_t channel, std::int64_t begin, std::int64_t end) {
      float largest = coded.scales[channel];
      for (std::int64_t i = begin; i < end; ++i) largest = std::max(largest, std::abs(w[i]));
      coded.scales[channel] = largest;
    });
    for (float& s : coded.scales) s = s > 0 ? s / 127.0f : 1.0f;
  }
  auto codes = coded.codes.as<std::int8_t>();
  channels.forEachRun([&](std::int64_t channel, std::int64_t begin, std::int64_t end) {
    const float rate = inverseScale(coded.scales[channel]);
    for (std::int64_t i = begin; i < end; ++i) codes[i] = encode(w[i], rate);
  });
  return coded;
}

void moveCodes(CodedWeights& coded, std::span<const std::int8_t> steps) {
  auto codes = coded.codes.as<std::int8_t>();
  for (std::size_t i = 0; i < codes.size(); ++i)
    codes[i] = static_cast<std::int8_t>(std::clamp(codes[i] + steps[i], -127, 127));
}

namespace {

// Fixed point of roundBySums().
constexpr std::int64_t kOne = 1 << 16;

// Half of kOne and above goes up.
std::int64_t toCodes(std::int64_t fixed) { return (fixed + kOne / 2) >> 16; }

// One output channel: differences of its codes from the weights, and how far each code was moved.
class SumRounder {
 public:
  void add(std::int64_t difference, std::int64_t sum) {
    differences_.push_back(difference);
    sumOf_.push_back(static_cast<std::size_t>(sum));
    steps_.push_back(0);
    if (sums_.size() <= sumOf_.back()) sums_.resize(sumOf_.back() + 1, 0);
    sums_[sumOf_.back()] += difference;
  }
  std::vector<int> run() {
    for (int sweep = 0, changed = 1; sweep < 4 && changed; ++sweep) {
      changed = 0;
      for (std::size_t j = 0; j < differences_.size(); ++j) changed += move(j);
    }
    return steps_;
  }

 private:
  bool move(std::size_t j) {
    const std::int64_t pull = (3 * differences_[j] + 7 * sums_[sumOf_[j]]) / 10;
    const int step = static_cast<int>(std::clamp<std::int64_t>(steps_[j] - toCodes(pull), -1, 1));
    if (step == steps_[j]) return false;
    const std::int64_t change = (step - steps_[j]) * kOne;
    differences_[j] += change, sums_[sumOf_[j]] += change;
    steps_[j] = step;
    return true;
  }

  std::vector<std::int64_t> differences_, sums_;
  std::vector<std::size_t> sumOf_;
  std::vector<int> steps_;
};

}  // namespace

void roundBySums(CodedWeights& coded, const HostTensor& weights,
                 const std::function<WeightPlace(std::int64_t weight)>& placeOf) {
  const auto w = weights.as<float>();
  auto codes = coded.codes.as<std::int8_t>();
  std::vector<SumRounder> outputs(coded.scales.size());
  std::vector<std::vector<std::int64_t>> members(outputs.size());
  for (std::int64_t i = 0; i < weights.size(); ++i) {
    const WeightPlace place = placeOf(i);
    const auto k = static_cast<std::size_t>(place.output);
    const float wanted = std::clamp(w[i] * inverseScale(coded.scales[k]), -127.0f, 127.0f);
    outputs[k].add(
        static_cast<std::int64_t>(std::rint((static_cast<double>(codes[i]) - static_cast<double>(wanted)) *
                                            static_cast<double>(kOne))),
        place.sum);
    members[k].push_back(i);
  }
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const std::vector<int> steps = outputs[k].run();
    for (std::size_t j = 0; j < steps.size(); ++j) {
      std::int8_t& code = codes[members[k][j]];
      code = static_cast<std::int8_t>(std::clamp(code + steps[j], -127, 127));
    }
  }
}

std::optional<std::vector<float>> scalesOfCodes(const HostTensor& weights, std::size_t outputAxis,
                                                std::int64_t groups, const std::vector<float>* given,
                                                float most) {
  const Channels channels(weights, outputAxis, groups);
  std::vector<std::vector<float>> values(channels.count());
  const auto w = weights.as<float>();
  channels.forEachRun([&](std::int64_t channel, std::int64_t begin, std::int64_t end) {
    values[channel].insert(values[channel].end(), w.begin() + begin, w.begin() + end);
  });
  std::vector<float> scales(values.size(), 0);
  if (given && (given->size() == 1 || given->size() == scales.size()))
    scales = spread(*given, channels.count());
  for (std::size_t k = 0; k < scales.size(); ++k) {
    const auto fits = [&](float v) { return isCode(v / scales[k], most); };
    if (scales[k] > 0 && std::all_of(values[k].begin(), values[k].end(), fits)) continue;
    scales[k] = findScale(values[k], most);
    if (!(scales[k] > 0)) return std::nullopt;
  }
  return scales;
}

HostTensor weightsFromCodes(const CodedWeights& weights, std::size_t outputAxis, std::int64_t groups) {
  HostTensor numbers(DataType::Float32, weights.codes.shape);
  const auto from = weights.codes.as<std::int8_t>();
  const auto to = numbers.as<float>();
  Channels(weights.codes, outputAxis, groups)
      .forEachRun([&](std::int64_t channel, std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
          to[i] = static_cast<float>(from[i]) * weights.scales[channel];
      });
  return numbers;
}

HostTensor weightsAsIntegers(const HostTensor& weights, std::size_t outputAxis, std::int64_t groups,
                             const std::vector<float>& scales) {
  HostTensor integers(DataType::Float32, weights.shape);
  const auto from = weights.as<float>();
  const auto to = integers.as<float>();
  Channels(weights, outputAxis, groups)
      .forEachRun([&](std::int64_t channel, std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) to[i] = std::rint(from[i] / scales[channel]);
      });
  return integers;
}

double largestSumOfCodes(const HostTensor& weights, std::size_t outputAxis, std::int64_t groups,
                         const std::vector<float>& scales) {
  const Channels channels(weights, outputAxis, groups);
  std::vector<double> sums(scales.size(), 0);
  const auto w = weights.as<float>();
  channels.forEachRun([&](std::int64_t channel, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      sums[channel] += std::abs(std::rint(static_cast<double>(w[i] / scales[channel])));
  });
  return *std::ranges::max_element(sums);
}

}  // namespace tessera
