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

// A layer of `channels` results in codes, or in floats where it is the network's last.
TensorId addCoded(Graph& g, const std::string& op, const std::string& name, TensorId x, Shape weights,
                  std::int64_t channels, Attributes attrs, bool last = false) {
  const TensorId w = g.addConstant(name + ".w", HostTensor(DataType::Int8, std::move(weights)));
  const TensorId m = g.addConstant(name + ".m", HostTensor(DataType::Float32, {channels}));
  if (!last) attrs.set("rate", 1.0);
  return g.add(op, name, {x, w, kNoTensor, kNoTensor, kNoTensor, m}, std::move(attrs));
}

// A block of ESPNet's and the end of it in codes: members of 25 and 28 channels, which no blocks of 16 hold,
// are joined.
Graph codedBlock() {
  using List = std::vector<std::int64_t>;
  Graph g;
  const TensorId x = g.addInput("x", DataType::Int8, {1, 128, 32, 64});
  const TensorId reduced = addCoded(g, "QConvolution", "c1", x, {25, 128, 1, 1}, 25, {});
  const TensorId a =
      addCoded(g, "QConvolution", "d1", reduced, {28, 25, 3, 3}, 28, {{"pads", List{1, 1, 1, 1}}});
  const TensorId b = addCoded(g, "QConvolution", "d4", reduced, {25, 25, 3, 3}, 25,
                              {{"pads", List{4, 4, 4, 4}}, {"dilations", List{4, 4}}});
  const TensorId joined =
      g.add("Concat", "joined", {a, b}, {{"axis", std::int64_t{1}}, {"in_place", std::int64_t{1}}});
  const TensorId few =
      addCoded(g, "QConvolution", "few", joined, {20, 53, 3, 3}, 20, {{"pads", List{1, 1, 1, 1}}});
  g.markOutput(addCoded(g, "QDeconvolution", "up", few, {20, 20, 2, 2}, 20, {{"strides", List{2, 2}}}, true));
  return g;
}

TEST(LayoutChoice, CodesWhoseChannelsAreNoBlocksStayPlanarUntuned) {
  DeviceCaps caps = test::inventedCpu(true);
  caps.dot4 = Dot4Body::Vnni, caps.localMemory = 512 << 10;
  const Graph graph = codedBlock();
  const Lowered lowered = lowerGraph(graph, caps, chooseRecipe(graph, caps, fallbackTactics(caps)).recipe);
  EXPECT_EQ(lowered.steps.size(), 5u) << lowered.text();  // neither reformats nor copies of members
  for (const std::string layer : {"c1", "d1", "d4", "few"})
    EXPECT_EQ(familyOf(lowered, layer), "q_conv_planar");
  EXPECT_EQ(familyOf(lowered, "up"), "q_deconv_planar");
}

}  // namespace
}  // namespace tessera
