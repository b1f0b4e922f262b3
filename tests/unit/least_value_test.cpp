// What tensors can not fall below, and what integer layers say of their input.
#include "lower/least_value.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "lower/precision.hpp"

namespace tessera {
namespace {

using List = std::vector<std::int64_t>;

struct SmallNetwork {
  Graph g;
  TensorId x = g.addInput("x", DataType::Float32, {1, 4, 6, 6});
  TensorId conv(const std::string& name, TensorId from, Attributes attrs = {}) {
    HostTensor w(DataType::Float32, {4, 4, 1, 1});
    for (float& v : w.as<float>()) v = 0.5f;
    return g.add("Convolution", name, {from, g.addConstant(name + ".w", std::move(w))}, std::move(attrs));
  }
};

TEST(NeverNegative, FollowsTheLayers) {
  SmallNetwork n;
  const auto never = [&](TensorId id) { return neverNegative(n.g, id); };
  EXPECT_FALSE(never(n.x));
  const TensorId relu = n.conv("relu", n.x, {{"activation", "Relu"}});
  const TensorId clip = n.conv("clip", n.x, {{"activation", "Clip"}, {"alpha", 0.0}, {"beta", 6.0}});
  const TensorId plain = n.conv("plain", relu);
  EXPECT_TRUE(never(relu));
  EXPECT_TRUE(never(clip));
  EXPECT_FALSE(never(plain));
  EXPECT_FALSE(never(n.conv("leaky", n.x, {{"activation", "LeakyRelu"}, {"alpha", 0.1}})));
  EXPECT_FALSE(never(n.conv("below", n.x, {{"activation", "Clip"}, {"alpha", -1.0}, {"beta", 1.0}})));
  EXPECT_FALSE(never(n.conv("open", n.x, {{"activation", "Clip"}, {"beta", 1.0}})));
  EXPECT_TRUE(never(n.g.add("Pool", "pool", {relu}, {{"mode", "max"}, {"kernel", List{2, 2}}})));
  EXPECT_FALSE(never(n.g.add("Pool", "pooled", {plain}, {{"mode", "max"}, {"kernel", List{2, 2}}})));
  EXPECT_TRUE(never(n.g.add("Concat", "both", {relu, clip}, {{"axis", 1}})));
  EXPECT_FALSE(never(n.g.add("Concat", "mixed", {relu, plain}, {{"axis", 1}})));
  EXPECT_TRUE(never(n.g.add("Sigmoid", "sigmoid", {plain})));
  EXPECT_FALSE(never(n.g.add("Tanh", "tanh", {relu})));
}

TEST(LeastValue, IsWhatActivationsGiveAndJoinedTensorsShare) {
  SmallNetwork n;
  const auto least = [&](TensorId id) { return leastOf(n.g, id); };
  const TensorId silu = n.conv("silu", n.x, {{"activation", "Silu"}});
  const TensorId relu = n.conv("relu", n.x, {{"activation", "Relu"}});
  const TensorId plain = n.conv("plain", relu),
                 joined = n.g.add("Concat", "joined", {relu, silu}, {{"axis", 1}});
  EXPECT_LT(least(silu), -0.27846);
  EXPECT_GT(least(silu), -0.279);
  EXPECT_EQ(least(joined), least(silu));
  EXPECT_EQ(least(n.g.add("Pad", "padded", {joined}, {{"pads", List{0, 0, 1, 1, 0, 0, 1, 1}}})), least(silu));
  EXPECT_EQ(least(n.conv("elu", n.x, {{"activation", "Elu"}, {"alpha", 0.5}})), -0.5);
  EXPECT_EQ(least(n.g.add("HardSwish", "hard", {plain})), -0.375);
  EXPECT_TRUE(std::isinf(least(plain)));
  EXPECT_TRUE(std::isinf(least(n.x)));
  const auto measured = [&](TensorId id) { return id == plain ? -2.0 : -INFINITY; };
  EXPECT_EQ(leastOf(n.g, n.g.add("Concat", "seen", {relu, plain}, {{"axis", 1}}), measured), -2);
}

TEST(NeverNegative, IsWrittenIntoIntegerConvolutions) {
  SmallNetwork n;
  const TensorId a = n.conv("first", n.x, {{"activation", "Relu"}});
  const TensorId b = n.conv("second", a);
  n.g.markOutput(n.conv("third", b));
  Calibration calibration;
  for (const std::string& name : tensorsToCalibrate(n.g)) calibration.scales[name] = 0.1f;
  const Graph integers = assignInt8(n.g, calibration, {});
  std::vector<std::int64_t> said;
  for (const Layer& layer : integers.layers())
    if (layer.op == "QConvolution") said.push_back(layer.attrs.integer("nonnegative"));
  EXPECT_EQ(said, (List{0, 1, 0}));
}

}  // namespace
}  // namespace tessera
