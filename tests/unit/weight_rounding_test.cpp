// Weights of networks with ranges of channels: errors cancel within sums of weights that multiply what is
// alike.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "lower/precision.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

using List = std::vector<std::int64_t>;

// Of sums of errors, in codes, by a number for each weight.
template <class SumOf>
double squaredSums(const HostTensor& weights, const CodedWeights& coded, std::size_t outputAxis,
                   SumOf&& sumOf) {
  std::map<std::int64_t, double> sums;
  const std::int64_t taps = weights.size() / (weights.shape[0] * weights.shape[1]);
  for (std::int64_t i = 0; i < weights.size(); ++i) {
    const std::int64_t k = outputAxis == 0 ? i / taps / weights.shape[1] : i / taps % weights.shape[1];
    const double wanted = weights.number(i) / static_cast<double>(coded.scales[static_cast<std::size_t>(k)]);
    sums[sumOf(i)] += coded.codes.number(i) - wanted;
    EXPECT_LT(std::abs(coded.codes.number(i) - wanted), 1.5);
  }
  double squares = 0;
  for (const auto& [_, sum] : sums) squares += sum * sum;
  return squares;
}

// A layer of `op` on a tensor of `channels`, which `moved` puts behind a transpose; its codes to the nearest
// and by sums.
struct Rounded {
  Graph g;
  HostTensor weights;
  CodedWeights nearest, bySums;

  Rounded(const char* op, std::int64_t channels, Shape shape, Attributes attrs, bool moved = false)
      : weights(test::portableRandom(std::move(shape), 5, -1, 1)) {
    TensorId x =
        g.addInput("x", DataType::Float32, moved ? Shape{1, 8, 8, channels} : Shape{1, channels, 8, 8});
    if (moved) x = g.add("Transpose", "turned", {x}, {{"perm", List{0, 3, 1, 2}}});
    g.markOutput(g.add(op, "layer", {x, g.addConstant("w", weights)}, std::move(attrs)));
    Int8Plan plan = planInt8(g, {}, PrecisionOptions());
    const Layer& layer = g.layers().back();
    nearest = weightCodesOf(g, layer, plan);
    plan.roundsBySums = true;
    bySums = weightCodesOf(g, layer, plan);
  }
};

TEST(WeightRounding, ColoursOfAnImageAreOneSum) {
  for (const bool moved : {false, true}) {
    const Rounded r("Convolution", 3, {6, 3, 3, 3}, {}, moved);
    const auto all = [](std::int64_t i) { return i / 27; };
    EXPECT_LT(squaredSums(r.weights, r.bySums, 0, all), 0.2 * squaredSums(r.weights, r.nearest, 0, all))
        << moved;
  }
}

TEST(WeightRounding, ChannelsInsideANetworkAreSumsOfTheirOwn) {
  const Rounded r("Convolution", 6, {6, 6, 3, 3}, {});
  const auto taps = [](std::int64_t i) { return i / 9; };
  EXPECT_LT(squaredSums(r.weights, r.bySums, 0, taps), 0.3 * squaredSums(r.weights, r.nearest, 0, taps));
}

// Stride 2 and a kernel of 4: an output pixel sees every second tap along each axis.
TEST(WeightRounding, PhasesOfADeconvolutionAreSums) {
  const Rounded r("Deconvolution", 6, {6, 4, 4, 4}, {{"strides", List{2, 2}}});
  const auto phases = [](std::int64_t i) { return i / 16 * 4 + i % 16 / 4 % 2 * 2 + i % 4 % 2; };
  EXPECT_LT(squaredSums(r.weights, r.bySums, 1, phases), 0.4 * squaredSums(r.weights, r.nearest, 1, phases));
}

TEST(WeightRounding, TapsThatLieFarApartAreRoundedToTheNearest) {
  const Rounded r("Convolution", 6, {6, 6, 3, 3}, {{"dilations", List{2, 2}}});
  EXPECT_EQ(r.bySums.codes.data, r.nearest.codes.data);
}

}  // namespace
}  // namespace tessera
