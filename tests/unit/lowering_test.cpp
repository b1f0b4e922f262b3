// Lowering for an invented GPU: families and layouts of INT8 layers, without OpenCL.
#include <gtest/gtest.h>

#include "lower/recipe_chooser.hpp"
#include "tessera/calibration.hpp"

namespace tessera {
namespace {

DeviceCaps gpu() {
  DeviceCaps caps;
  caps.name = "invented";
  caps.kind = DeviceKind::Gpu;
  caps.computeUnits = 100;
  caps.maxWorkGroup = 1024;
  caps.localMemory = 48 << 10;
  caps.maxAllocation = std::size_t{1} << 30;
  return caps;
}

Lowered lower(const Graph& g) {
  Calibration calibration;
  for (const auto& name : tensorsToCalibrate(g)) calibration.scales[name] = 0.05f;
  const DeviceCaps caps = gpu();
  const Graph quantised = assignInt8(g, calibration, {});
  return lowerGraph(quantised, caps, chooseRecipe(quantised, caps, fallbackTactics(caps)).recipe);
}

std::vector<std::string> families(const Lowered& lowered) {
  std::vector<std::string> names;
  for (const Step& step : lowered.steps) names.emplace_back(step.family->id().name);
  return names;
}

TensorId conv(Graph& g, const char* name, TensorId x, std::int64_t outputs, std::int64_t group = 1) {
  const std::int64_t channels = g.tensor(x).shape[1] / group;
  HostTensor weights(DataType::Float32, {outputs, channels, 3, 3});
  for (float& v : weights.as<float>()) v = 0.1f;
  return g.add("Convolution", name, {x, g.addConstant(std::string(name) + ".w", weights)},
               {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}, {"group", group}});
}

TEST(Lowering, EncodesInTheBlockThatTheNextLayerReads) {
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 3, 32, 32});
  g.markOutput(conv(g, "last", conv(g, "depthwise", conv(g, "first", x, 32), 32, 32), 10));
  const Lowered lowered = lower(g);
  EXPECT_EQ(families(lowered),
            (std::vector<std::string>{"q_pointwise", "q_conv_gemm", "q_depthwise_words", "q_conv_gemm"}));
  // Floats of the network's output leave planar, codes in blocks of four.
  EXPECT_EQ(lowered.steps[0].view.outputs[0].layout.block, 4);
  EXPECT_EQ(lowered.steps[3].view.outputs[0].layout.block, 1);
}

TEST(Lowering, StoresFloatsAndTheirCodesInOneStep) {
  // The sum passes a sigmoid (floats) and is convolved (codes).
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 8, 16, 16});
  const TensorId a = conv(g, "a", x, 8), b = conv(g, "b", x, 8);
  const TensorId sum = g.add("Pointwise", "sum", {a, b}, {{"expression", "t0=Add(x0,x1);t1=Mul(t0,0.5)"}});
  const TensorId c = conv(g, "c", sum, 8);
  g.markOutput(g.add("Add", "out", {g.add("Sigmoid", "bent", {sum}), c}));
  const Lowered lowered = lower(g);
  int both = 0;
  for (const Step& step : lowered.steps) {
    if (step.view.outputs.size() != 2) continue;
    ++both;
    EXPECT_EQ(step.layer, "sum");
    EXPECT_EQ(step.view.outputs[0].type, DataType::Float32);
    EXPECT_EQ(step.view.outputs[1].type, DataType::Int8);
    EXPECT_EQ(step.view.outputs[1].layout.block, 4);
  }
  EXPECT_EQ(both, 1) << lowered.text();
}

}  // namespace
}  // namespace tessera
