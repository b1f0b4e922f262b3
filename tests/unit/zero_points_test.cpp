// Calibrated tensors that reach farther above 0 than below use the whole range of codes.
#include <gtest/gtest.h>

#include <cmath>

#include "graph/evaluate.hpp"
#include "lower/channel_codes.hpp"
#include "lower/precision.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

using List = std::vector<std::int64_t>;

HostTensor spreadTensor(Shape shape, unsigned seed, float span = 1) {
  return test::portableRandom(std::move(shape), seed, -span, span);
}

// Thresholds are the largest values.
Calibration calibratedOn(const Graph& g, const HostTensor& x) {
  Calibration calibration;
  for (const auto& name : tensorsToCalibrate(g)) {
    float largest = 0;
    const HostTensor value = evaluateTensors(g, {{"x", x}}, {g.findTensor(name)})[0];
    for (const float v : value.as<float>()) largest = std::max(largest, std::abs(v));
    calibration.scales[name] = largest / 127;
  }
  return calibration;
}

// Convolutions with ReLU and SiLU, a pool, a sum and a concat of them, and layers that read each.
struct OneSidedNetwork {
  Graph g;
  TensorId conv(const std::string& name, TensorId from, std::int64_t in, const char* activation,
                TensorId residual = kNoTensor) {
    std::vector<TensorId> inputs{
        from,
        g.addConstant(name + ".w",
                      spreadTensor({6, in, 3, 3}, static_cast<unsigned>(in + name.size()), 0.4f)),
        g.addConstant(name + ".b", spreadTensor({6}, 3))};
    if (residual != kNoTensor) inputs.push_back(residual);
    Attributes attrs{{"pads", List{1, 1, 1, 1}}};
    if (*activation) attrs.set("activation", std::string(activation));
    return g.add("Convolution", name, inputs, attrs, {name + ".out"});
  }
  OneSidedNetwork() {
    g.name = "one-sided";
    const TensorId x = g.addInput("x", DataType::Float32, {1, 3, 12, 16});
    const TensorId a = conv("a", x, 3, "Relu");
    const TensorId pooled =
        g.add("Pool", "pool", {a}, {{"mode", "max"}, {"kernel", List{3, 3}}, {"pads", List{1, 1, 1, 1}}},
              {"pooled"});
    const TensorId silu = conv("silu", pooled, 6, "Silu");
    const TensorId sum = conv("sum", silu, 6, "Relu", a);
    const TensorId joined = g.add("Concat", "join", {sum, silu}, {{"axis", 1}}, {"joined"});
    const TensorId mean =
        g.add("Pool", "means", {joined},
              {{"mode", "average"}, {"kernel", List{3, 3}}, {"pads", List{1, 1, 1, 1}}}, {"mean"});
    const TensorId plain = conv("plain", mean, 12, "");
    const TensorId chain =
        g.add("Pointwise", "chain", {plain, a}, {{"expression", "t0=Add(x0,x1);t1=Relu(t0)"}}, {"chained"});
    g.markOutput(conv("last", chain, 6, ""));
  }
};

Calibration withLeast(const Graph& g, Calibration calibration) {
  for (const char* name : {"a.out", "pooled", "sum.out", "chained"}) calibration.least[name] = 0;
  for (const char* name : {"silu.out", "joined", "mean"}) calibration.least[name] = -0.2785f;
  return calibration;
}

double errorOf(const Graph& g, const Calibration& calibration) {
  const HostTensor x = spreadTensor({1, 3, 12, 16}, 9);
  const auto exact = evaluate(g, {{"x", x}})[0],
             coded = evaluate(assignInt8(g, calibration, {}), {{"x", x}})[0];
  double difference = 0, power = 0;
  for (std::int64_t i = 0; i < exact.size(); ++i)
    difference += std::pow(exact.number(i) - coded.number(i), 2), power += std::pow(exact.number(i), 2);
  return difference / power;
}

TEST(ZeroPoints, ReachFromTheLeastValueToTheThreshold) {
  const OneSidedNetwork n;
  const Calibration around = calibratedOn(n.g, spreadTensor({1, 3, 12, 16}, 9));
  const Calibration whole = withLeast(n.g, around);
  const Int8Plan before = planInt8(n.g, around, PrecisionOptions()),
                 plan = planInt8(n.g, whole, PrecisionOptions());
  EXPECT_TRUE(before.zeros.empty());
  const auto id = [&](const char* name) { return n.g.findTensor(name); };
  for (const char* relu : {"a.out", "pooled", "chained"}) {
    EXPECT_EQ(plan.zero(id(relu)), -128) << relu;
    EXPECT_FLOAT_EQ(plan.scales[id(relu)], before.scales[id(relu)] * 127 / 255) << relu;
  }
  // What a concat joins has one zero point, and so has a sum that one of them is.
  EXPECT_GT(plan.zero(id("silu.out")), -128);
  EXPECT_EQ(plan.zero(id("silu.out")), plan.zero(id("joined")));
  EXPECT_EQ(plan.zero(id("sum.out")), plan.zero(id("joined")));
  EXPECT_LT(plan.lowest(id("silu.out")), -0.25);
  EXPECT_EQ(plan.zero(id("plain.out")), 0) << "it is as far below 0 as above";
  EXPECT_LT(errorOf(n.g, whole), 0.6 * errorOf(n.g, around));
}

TEST(ZeroPoints, NeedTheLeastValueOfEveryTensorOfAGroup) {
  const OneSidedNetwork n;
  Calibration some = withLeast(n.g, calibratedOn(n.g, spreadTensor({1, 3, 12, 16}, 9)));
  some.least.erase("pooled");
  const Int8Plan plan = planInt8(n.g, some, PrecisionOptions());
  EXPECT_EQ(plan.zero(n.g.findTensor("a.out")), 0);
  EXPECT_EQ(plan.zero(n.g.findTensor("chained")), -128);
}

// Triangles fill up with the code 0, which stands for no 0 around another zero point.
TEST(ZeroPoints, AreNotPlacedWhereLayersMakeZeros) {
  Graph g;
  g.name = "triangles";
  const TensorId x = g.addInput("x", DataType::Float32, {1, 3, 8, 8});
  const TensorId conv = g.add("Convolution", "conv", {x, g.addConstant("w", spreadTensor({4, 3, 1, 1}, 1))},
                              {{"activation", "Relu"}}, {"y"});
  const TensorId part = g.add("Trilu", "trilu", {conv}, {}, {"part"});
  g.markOutput(g.add("Convolution", "next", {part, g.addConstant("v", spreadTensor({4, 4, 1, 1}, 2))}));
  Calibration calibration = calibratedOn(g, spreadTensor({1, 3, 8, 8}, 9));
  calibration.least = {{"y", 0}, {"part", 0}};
  const Int8Plan plan = planInt8(g, calibration, PrecisionOptions());
  EXPECT_EQ(plan.zero(g.findTensor("y")), 0);
}

// Ranges of channels and zero points together.
TEST(ZeroPoints, ServeChannelsOfDifferentRange) {
  const OneSidedNetwork n;
  Calibration ranges = calibratedOn(n.g, spreadTensor({1, 3, 12, 16}, 9));
  const auto x = spreadTensor({1, 3, 12, 16}, 9);
  for (const ChannelGroup& group : channelGroups(n.g, planWithChannels(n.g, {}, {})))
    for (const TensorId id : group.tensors) {
      const HostTensor value = evaluateTensors(n.g, {{"x", x}}, {id})[0];
      const std::int64_t channels = value.shape[1], each = value.size() / channels;
      auto& reach = ranges.channelPeaks[n.g.tensor(id).name];
      reach.assign(static_cast<std::size_t>(2 * channels), 0.0f);
      for (std::int64_t i = 0; i < value.size(); ++i) {
        float &below = reach[i / each], &above = reach[channels + i / each];
        below = std::max(below, -value.as<float>()[i]), above = std::max(above, value.as<float>()[i]);
      }
    }
  EXPECT_LT(errorOf(n.g, withLeast(n.g, ranges)), 0.6 * errorOf(n.g, ranges));
}

}  // namespace
}  // namespace tessera
