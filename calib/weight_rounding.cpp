// Rounding weights by the second moments of what they multiply.
#include "calib/weight_rounding.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "ops/operator.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

// Added to the diagonals, as a share of their means: moments of a few images are uncertain.
constexpr double kDamping = 0.05;
constexpr std::int64_t kLanes = 16;

// With R the upper triangular matrix of M = R R^T, its columns divided by their last element: what an error
// in a row, made before, is worth in a column. Transposed, so that a column's elements lie together.
SquareMatrix feedbackOf(const SquareMatrix& upper) {
  const std::int64_t n = upper.size;
  std::vector<double> r(static_cast<std::size_t>(n * n), 0.0);
  double trace = 0;
  for (std::int64_t i = 0; i < n; ++i) trace += static_cast<double>(upper.at(i, i));
  const double mean = trace / static_cast<double>(n);
  SquareMatrix feedback(n);
  if (!(mean > 0) || !std::isfinite(mean)) return feedback;
  for (std::int64_t j = n; j-- > 0;)
    for (std::int64_t i = j; i >= 0; --i) {
      double sum = static_cast<double>(upper.at(i, j)) + (i == j ? kDamping * mean : 0);
      for (std::int64_t k = j + 1; k < n; ++k) sum -= r[i * n + k] * r[j * n + k];
      r[i * n + j] = i == j ? std::sqrt(std::max(sum, kDamping * mean / 2)) : sum / r[j * n + j];
      feedback.at(j, i) = static_cast<float>(r[i * n + j] / r[j * n + j]);
    }
  return feedback;
}

// Weights of kLanes outputs in codes, side by side: place = (channel * taps + tap) * kLanes + output.
class Block {
 public:
  Block(const SquareMatrix& channels, const SquareMatrix& taps)
      : channels_(channels),
        taps_(taps),
        wanted_(static_cast<std::size_t>(channels.size * taps.size * kLanes), 0.0f),
        off_(wanted_.size(), 0.0f),
        carried_(static_cast<std::size_t>(taps.size * kLanes), 0.0f) {}

  float& wanted(std::int64_t channel, std::int64_t tap, std::int64_t lane) {
    return wanted_[(channel * taps_.size + tap) * kLanes + lane];
  }
  /// The code that was chosen.
  float code(std::int64_t channel, std::int64_t tap, std::int64_t lane) const {
    const std::size_t i = (channel * taps_.size + tap) * kLanes + lane;
    return wanted_[i] - off_[i];
  }

  void round() {
    const std::int64_t row = taps_.size * kLanes;
    for (std::int64_t c = 0; c < channels_.size; ++c) {
      std::ranges::fill(carried_, 0.0f);
      for (std::int64_t before = 0; before < c; ++before) {
        const float share = channels_.at(c, before);
        const float* off = &off_[before * row];
        for (std::int64_t i = 0; i < row; ++i) carried_[i] += share * off[i];
      }
      for (std::int64_t t = 0; t < taps_.size; ++t) roundTap(&wanted_[c * row], &off_[c * row], t);
    }
  }

 private:
  void roundTap(const float* wanted, float* off, std::int64_t tap) {
    float sum[kLanes];
    std::copy_n(&carried_[tap * kLanes], kLanes, sum);
    for (std::int64_t before = 0; before < tap; ++before) {
      const float share = taps_.at(tap, before);
      for (std::int64_t lane = 0; lane < kLanes; ++lane)
        sum[lane] += share * carried_[before * kLanes + lane];
    }
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const float w = wanted[tap * kLanes + lane], nearest = std::clamp(std::rint(w), -127.0f, 127.0f);
      const float code =
          std::clamp(std::rint(w + sum[lane]), std::max(nearest - 1, -127.0f), std::min(nearest + 1, 127.0f));
      off[tap * kLanes + lane] = w - code;
      carried_[tap * kLanes + lane] += w - code;  // from here on: all that this tap is off by
    }
  }

  const SquareMatrix &channels_, &taps_;
  std::vector<float> wanted_, off_, carried_;
};

// A layer's weights and where they lie.
struct LayerWeights {
  HostTensor numbers;
  CodedWeights coded;
  bool transposed;
  std::int64_t taps, inputs, outputs;  ///< of the window, of a group

  std::int64_t indexOf(std::int64_t channel, std::int64_t output, std::int64_t tap) const {
    const std::int64_t row = transposed ? channel : output,
                       column = transposed ? output % outputs : channel % inputs;
    return (row * numbers.shape[1] + column) * taps + tap;
  }
};

// Divides by the factors of the input's channels: weights have taken those up.
SquareMatrix scaled(const SquareMatrix& moments, const std::vector<float>& factors, std::int64_t first) {
  SquareMatrix result = moments;
  if (factors.empty()) return result;
  for (std::int64_t i = 0; i < result.size; ++i)
    for (std::int64_t j = i; j < result.size; ++j) result.at(i, j) /= factors[first + i] * factors[first + j];
  return result;
}

void roundSum(const LayerWeights& weights, const SumOfWeights& sum, const std::vector<float>& factors,
              std::vector<std::int8_t>& steps) {
  const SquareMatrix channels = feedbackOf(scaled(sum.channelMoments, factors, sum.firstChannel)),
                     taps = feedbackOf(sum.tapMoments);
  const auto w = weights.numbers.as<float>();
  const auto codes = weights.coded.codes.as<std::int8_t>();
  const std::int64_t firstOutput = sum.group * weights.outputs, end = firstOutput + weights.outputs;
  for (std::int64_t first = firstOutput; first < end; first += kLanes) {
    Block block(channels, taps);
    const auto each = [&](auto visit) {
      for (std::int64_t c = 0; c < channels.size; ++c)
        for (std::int64_t t = 0; t < taps.size; ++t)
          for (std::int64_t lane = 0; lane < std::min(kLanes, end - first); ++lane)
            visit(c, t, lane, weights.indexOf(sum.firstChannel + c, first + lane, sum.taps[t]));
    };
    each([&](std::int64_t c, std::int64_t t, std::int64_t lane, std::int64_t i) {
      block.wanted(c, t, lane) = w[i] * inverseScale(weights.coded.scales[first + lane]);
    });
    block.round();
    each([&](std::int64_t c, std::int64_t t, std::int64_t lane, std::int64_t i) {
      const int step = static_cast<int>(std::rint(block.code(c, t, lane))) - codes[i];
      steps[i] = static_cast<std::int8_t>(std::clamp(step, -1, 1));
    });
  }
}

std::vector<std::int8_t> stepsOf(const Graph& graph, const Int8Plan& plan, const Layer& layer,
                                 const LayerMoments& moments) {
  const OperatorTraits traits = traitsOf(layer.op);
  const WeightAxis axis = weightAxis(layer);
  LayerWeights weights{weightsToCode(graph, layer, plan), {}, traits.transposed(), 0, 0, 0};
  const Shape& shape = weights.numbers.shape;
  const std::int64_t group = layer.attrs.integer("group", 1);
  weights.coded = encodeWeights(weights.numbers, axis.axis, axis.groups);
  weights.taps = elementCount(shape) / (shape[0] * shape[1]);
  weights.inputs = weights.transposed ? shape[0] / group : shape[1];
  weights.outputs = weights.transposed ? shape[1] : shape[0] / group;
  std::vector<std::int8_t> steps(static_cast<std::size_t>(weights.numbers.size()), 0);
  const auto factors = plan.channelsOf(graph, layer.inputs[0]).factor;
  for (const SumOfWeights& sum : moments) roundSum(weights, sum, factors, steps);
  return steps;
}

}  // namespace

std::map<std::string, std::vector<std::int8_t>> roundedWeights(
    const Graph& graph, const Int8Plan& plan, const std::map<std::string, LayerMoments>& moments) {
  struct Task {
    const Layer* layer;
    const LayerMoments* moments;
    std::vector<std::int8_t>* steps;
  };
  std::map<std::string, std::vector<std::int8_t>> all;
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < graph.layers().size(); ++i) {
    const Layer& layer = graph.layers()[i];
    const auto found = moments.find(layer.name);
    if (plan.roles[i] != Int8Role::Compute || found == moments.end() || plan.weightScales.count(layer.name))
      continue;
    tasks.push_back({&layer, &found->second, &all[layer.name]});
  }
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i; (i = next++) < tasks.size();)
      *tasks[i].steps = stepsOf(graph, plan, *tasks[i].layer, *tasks[i].moments);
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i) threads.emplace_back(work);
  work();
  threads.clear();
  return all;
}

}  // namespace tessera
