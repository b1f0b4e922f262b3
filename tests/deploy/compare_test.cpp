// Two engines of one network compared layer by layer.
#include "tessera/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/refusal.hpp"

namespace tessera {
namespace {

using namespace test;

// Three convolutions after one another, a concat of slices and a reshape; `wrong`: one layer's weights
// differ.
Graph chain(const std::string& wrong = {}) {
  Graph graph;
  TensorId x = graph.addInput("image", DataType::Float32, {1, 8, 12, 10});
  unsigned seed = 1;
  const auto convolution = [&](const std::string& name, TensorId from) {
    HostTensor weights = portableRandom({8, graph.tensor(from).shape[1], 3, 3}, ++seed, -0.2f, 0.2f);
    if (name == wrong) weights.as<float>()[5] += 1;
    return graph.add("Convolution", name, {from, graph.addConstant(name + "/w", std::move(weights))},
                     {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}, {name + "/out"});
  };
  x = convolution("one", x);
  const TensorId y = convolution("two", x);
  x = graph.add("Concat", "both", {x, y}, {{"axis", 1}}, {"both/out"});
  x = convolution("three", x);
  x = graph.add("Reshape", "flat", {x}, {{"shape", std::vector<std::int64_t>{1, 8, 120, 1}}}, {"flat/out"});
  x = graph.add("Softmax", "last", {x}, {{"axis", 1}}, {"scores"});
  graph.markOutput(x);
  return graph;
}

const TensorMap kInput{{"image", portableRandom({1, 8, 12, 10}, 7, -1, 1)}};

Comparison compared(const Graph& a, const Graph& b, const EngineOptions& optionsA = {},
                    const EngineOptions& optionsB = {}) {
  Context first(Engine::build(a, device(), optionsA)), second(Engine::build(b, device(), optionsB));
  return compareRuns(first, second, kInput);
}

const LayerDifference& layerOf(const Comparison& found, const std::string& name) {
  for (const LayerDifference& layer : found.layers)
    if (layer.layer == name) return layer;
  throw std::runtime_error("no layer " + name);
}

TEST(Compare, EqualEnginesHaveNoBadLayer) {
  const Comparison found = compared(chain(), chain());
  EXPECT_FALSE(found.firstBad);
  ASSERT_EQ(found.outputs.size(), 1u);
  EXPECT_EQ(found.outputs[0].accumulated.relative, 0);
  for (const LayerDifference& layer : found.layers) {
    EXPECT_EQ(layer.accumulated.relative, 0) << layer.layer;
    ASSERT_TRUE(layer.isolated) << layer.layer;
    EXPECT_EQ(layer.isolated->relative, 0) << layer.layer;
  }
}

TEST(Compare, TheLayerAtFaultIsNamedAndThoseBehindItAreNot) {
  for (const char* wrong : {"one", "two", "three"}) {
    const Comparison found = compared(chain(), chain(wrong));
    ASSERT_TRUE(found.firstBad) << wrong;
    EXPECT_EQ(found.layers[*found.firstBad].layer, wrong);
    const LayerDifference& last = layerOf(found, "last");
    ASSERT_TRUE(last.isolated);
    EXPECT_LT(last.isolated->relative, 1e-5) << wrong << " is not the last layer's fault";
    EXPECT_GT(last.accumulated.relative, 1e-3) << wrong << " reaches the output";
    for (const LayerDifference& layer : found.layers)
      if (layer.layer != wrong) {
        EXPECT_LT(layer.isolated->relative, 1e-5) << layer.layer;
      }
  }
}

TEST(Compare, PrecisionsAreComparedInTheNamesOfTheSourceModel) {
  EngineOptions half;
  half.precision = Precision::Fp16;
  const Comparison found = compared(chain(), chain(), {}, half);
  EXPECT_FALSE(found.firstBad);
  for (const char* name : {"one", "two", "three"}) {
    const LayerDifference& layer = layerOf(found, name);
    EXPECT_THAT(layer.a, testing::HasSubstr("f32"));
    EXPECT_THAT(layer.b, testing::HasSubstr("f16"));
    EXPECT_GT(layer.isolated->relative, 0) << name;
    EXPECT_LT(layer.isolated->relative, 2e-3) << name;
  }
}

// Codes are compared as what they mean, with scales per channel, too.
TEST(Compare, Int8IsComparedWithFp32) {
  const Graph network = int8Network();
  EngineOptions int8;
  int8.precision = Precision::Int8, int8.calibration = int8NetworkCalibration(network);
  Context a(Engine::build(network, device())), b(Engine::build(network, device(), int8));
  const Comparison found = compareRuns(a, b, int8NetworkInput());
  std::size_t codes = 0, good = 0;
  for (const LayerDifference& layer : found.layers) {
    if (!layer.isolated || !layer.b.ends_with("i8")) continue;
    ++codes;
    // Wrong scales would be off by factors, not by quantisation steps.
    good += layer.isolated->relative < 0.2;
    EXPECT_LT(layer.isolated->relative, 0.5) << layer.layer << " " << layer.tensor;
  }
  EXPECT_GE(codes, 20u);
  EXPECT_GE(good, codes * 9 / 10);
}

TEST(Compare, PlansAreComparedAsTheyAre) {
  const Folder folder;
  Engine::build(chain(), device())->save(folder / "a.plan");
  Engine::build(chain("two"), device())->save(folder / "b.plan");
  Context a(Engine::load(folder / "a.plan", device())), b(Engine::load(folder / "b.plan", device()));
  const Comparison found = compareRuns(a, b, kInput);
  ASSERT_TRUE(found.firstBad);
  EXPECT_EQ(found.layers[*found.firstBad].layer, "two");
}

TEST(Compare, OtherInputsAreRefused) {
  Graph other;
  other.markOutput(other.add("Relu", "y", {other.addInput("picture", DataType::Float32, {1, 2})}));
  EXPECT_THAT(refusal([&] { compared(chain(), other); }),
              testing::AllOf(testing::HasSubstr("image"), testing::HasSubstr("picture")));
  Context a(Engine::build(chain(), device())), b(Engine::build(chain(), device()));
  EXPECT_THAT(refusal([&] { compareRuns(a, b, {}); }), testing::HasSubstr("'image' was not given"));
}

}  // namespace
}  // namespace tessera
