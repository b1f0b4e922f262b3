// How measured times choose families and layouts, on an invented CPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lower/recipe_chooser.hpp"
#include "tests/support/invented_device.hpp"

namespace tessera {
namespace {

// Two 3x3 convolutions of 16 channels, one after the other; small images are those for which Winograd has to
// be measured.
Graph network(std::int64_t side = 23) {
  Graph g;
  TensorId x = g.addInput("x", DataType::Float32, {1, 16, side, side});
  for (const std::string name : {"a", "b"}) {
    HostTensor weights(DataType::Float32, {16, 16, 3, 3});
    x = g.add("Convolution", name, {x, g.addConstant(name + ".w", weights)},
              {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  }
  g.markOutput(x);
  return g;
}

Lowered lower(const TimeSource& times, LayoutChoice layouts = LayoutChoice::Greedy, std::int64_t side = 23) {
  const DeviceCaps caps = test::inventedCpu(true);
  const Graph graph = network(side);
  return lowerGraph(graph, caps, chooseRecipe(graph, caps, fallbackTactics(caps), times, layouts).recipe);
}

std::vector<int> outputBlocks(const Lowered& lowered) {
  std::vector<int> blocks;
  for (const Step& step : lowered.steps) blocks.push_back(step.view.outputs[0].layout.block);
  return blocks;
}

std::string familyOf(const Lowered& lowered, const std::string& layer) {
  for (const Step& step : lowered.steps)
    if (step.layer == layer) return std::string(step.family->id().name);
  return {};
}

// Winograd ten times as fast as the direct kernel, and a planar kernel faster still, as nothing but a loop
// over one layer would find it.
std::optional<double> measured(const KernelFamily& family, const OpView& view) {
  const std::string name(family.id().name);
  if (name == "conv_direct") return 1e-4;
  if (name == "conv_winograd") return 1e-5;
  if (name == "conv_small" || name == "conv_naive") return 1e-6;
  if (view.op == "Reformat") return 1e-7;
  return std::nullopt;
}

TEST(LayoutChoice, FamiliesThatWantToBeMeasuredAreNotTakenUntuned) {
  const Lowered untuned = lower({});
  EXPECT_EQ(familyOf(untuned, "a"), "conv_direct");
  EXPECT_EQ(familyOf(untuned, "b"), "conv_direct");
}

TEST(LayoutChoice, WinogradIsTakenUntunedForLargeImages) {
  for (const char* layer : {"a", "b"})
    EXPECT_THAT(familyOf(lower({}, LayoutChoice::Greedy, 64), layer), testing::HasSubstr("winograd"));
}

TEST(LayoutChoice, EstimatedKeepsTheLayoutsAndTakesTheFastestFamilyForThem) {
  const Lowered untuned = lower({}), estimated = lower(measured, LayoutChoice::Estimated);
  EXPECT_EQ(outputBlocks(estimated), outputBlocks(untuned)) << estimated.text();
  EXPECT_EQ(familyOf(estimated, "b"), "conv_winograd");
}

TEST(LayoutChoice, GreedyAndPlannedChangeLayoutsForMeasuredTimes) {
  for (const LayoutChoice choice : {LayoutChoice::Greedy, LayoutChoice::Planned}) {
    const Lowered lowered = lower(measured, choice);
    EXPECT_NE(familyOf(lowered, "b"), "conv_winograd") << lowered.text();
    EXPECT_NE(familyOf(lowered, "b"), "conv_direct") << lowered.text();
  }
}

}  // namespace
}  // namespace tessera
