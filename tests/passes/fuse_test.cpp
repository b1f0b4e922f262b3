// Passes fold-padding, fuse-activation, fuse-residual.
#include <limits>

#include "ops/pointwise.hpp"
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Graph padded(const std::string& op, Attributes attrs, std::vector<std::int64_t> pads, double value = 0) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 7, 8});
  x = graph.add("Pad", "pad", {x}, {{"pads", pads}, {"value", value}});
  if (op == "Convolution")
    convolution(graph, "conv", x, 4, 3, attrs);
  else
    graph.add(op, "pool", {x}, attrs);
  graph.markOutput(graph.layers().back().outputs[0]);
  return graph;
}

TEST(FoldPadding, IntoConvolutionsAndPoolings) {
  const auto pads = ints({0, 0, 1, 0, 0, 0, 2, 1});
  const Graph conv = after(padded("Convolution", {{"pads", ints({1, 1, 0, 0})}}, pads), "fold-padding");
  EXPECT_EQ(ops(conv), "Convolution");
  EXPECT_EQ(conv.layers()[0].attrs.integers("pads"), ints({2, 1, 2, 1}));

  const Attributes pool = {{"kernel", ints({3, 3})}, {"strides", ints({2, 2})}};
  Attributes average = pool, maximum = pool, ceil = pool;
  average.set("mode", std::string("average"));
  maximum.set("mode", std::string("max"));
  ceil.set("mode", std::string("average")).set("ceil_mode", std::int64_t{1});
  const Graph mean = after(padded("Pool", average, pads), "fold-padding");
  EXPECT_EQ(ops(mean), "Pool");
  EXPECT_EQ(mean.layers()[0].attrs.integer("count_include_pad"), 1);
  expectUntouched(padded("Pool", ceil, pads), "fold-padding");  // its last window begins in the trailing pad
  EXPECT_EQ(ops(after(padded("Pool", ceil, ints({0, 0, 1, 1, 0, 0, 0, 0})), "fold-padding")), "Pool");
  EXPECT_EQ(ops(after(padded("Pool", maximum, pads, -kInfinity), "fold-padding")), "Pool");
}

TEST(FoldPadding, WhatThePassMustNotFold) {
  const auto pads = ints({0, 0, 1, 1, 0, 0, 1, 1});
  expectUntouched(padded("Convolution", {}, pads, 0.5), "fold-padding");
  expectUntouched(padded("Convolution", {}, ints({0, 1, 1, 1, 0, 0, 1, 1})), "fold-padding");
  expectUntouched(padded("Convolution", {}, ints({0, 0, -1, 1, 0, 0, 1, 1})), "fold-padding");
  const Attributes own = {
      {"mode", std::string("average")}, {"kernel", ints({4, 4})}, {"pads", ints({1, 1, 1, 1})}};
  expectUntouched(padded("Pool", own, pads),
                  "fold-padding");  // its own pads do not count, the Pad's cells do
  expectUntouched(padded("Pool", {{"mode", std::string("max")}, {"kernel", ints({3, 3})}}, pads),
                  "fold-padding");
}

class FuseActivation : public testing::TestWithParam<std::string> {};

TEST_P(FuseActivation, EveryRowOfTheTableFuses) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 6, 5});
  const TensorId y = convolution(graph, "conv", x, 4);
  std::vector<TensorId> inputs = {y};
  if (GetParam() == "PRelu") inputs.push_back(constant(graph, "slope", {4, 1, 1}, 5));
  const Attributes attrs = GetParam() == "Clip" ? Attributes{{"alpha", -0.5}, {"beta", 0.25}} : Attributes{};
  graph.markOutput(graph.add(GetParam(), "act", inputs, attrs, {"out"}));
  const Graph fused = after(graph, "fuse-activation");
  EXPECT_EQ(ops(fused), "Convolution");
  EXPECT_EQ(fused.layers()[0].name, "conv");
  EXPECT_EQ(fused.layers()[0].attrs.string("activation"), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Rows, FuseActivation, testing::ValuesIn(activationNames()),
                         [](const auto& instance) { return instance.param; });

TEST(FuseActivation, SharedSlopeAndOtherLayers) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 6, 5});
  x = graph.add("Deconvolution", "deconv", {x, constant(graph, "w", {3, 4, 2, 2}, 1)},
                {{"strides", ints({2, 2})}});
  x = graph.add("PRelu", "p", {x, constant(graph, "slope", {1}, 5)});
  x = graph.add("FullyConnected", "fc", {x, constant(graph, "v", {7, 4 * 12 * 10}, 2)});
  graph.markOutput(graph.add("LeakyRelu", "l", {x}, {{"alpha", 0.2}}));
  EXPECT_EQ(ops(after(graph, "fuse-activation")), "Deconvolution FullyConnected");
}

TEST(FuseActivation, NotWhereOthersSeeTheValueOrOneIsFusedAlready) {
  Graph seen;
  const TensorId y = convolution(seen, "conv", seen.addInput("x", DataType::Float32, {1, 3, 4, 4}), 4);
  seen.markOutput(y);
  seen.markOutput(seen.add("Relu", "r", {y}));
  expectUntouched(seen, "fuse-activation");

  Graph twice;
  const TensorId z = convolution(twice, "conv", twice.addInput("x", DataType::Float32, {1, 3, 4, 4}), 4);
  twice.markOutput(twice.add("Tanh", "t", {twice.add("Relu", "r", {z})}));
  EXPECT_EQ(ops(after(twice, "fuse-activation")), "Convolution Tanh");

  Graph varying;  // a slope for each pixel, and one that the graph computes
  const TensorId x = varying.addInput("x", DataType::Float32, {1, 3, 4, 4});
  const TensorId a = convolution(varying, "a", x, 3), b = convolution(varying, "b", x, 3);
  varying.markOutput(varying.add("PRelu", "p", {a, constant(varying, "slope", {3, 4, 4}, 5)}));
  varying.markOutput(varying.add("PRelu", "q", {b, x}));
  expectUntouched(varying, "fuse-activation");
}

TEST(FuseResidual, TheLaterLayerTakesTheSum) {
  for (const bool swapped : {false, true}) {
    Graph graph;
    const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 6, 5});
    const TensorId shortcut = convolution(graph, "shortcut", x, 4);
    const TensorId inner = graph.add("Relu", "r", {convolution(graph, "inner", x, 4)});
    const TensorId late = convolution(graph, "late", inner, 4, 1);
    const auto operands =
        swapped ? std::vector<TensorId>{late, shortcut} : std::vector<TensorId>{shortcut, late};
    graph.markOutput(graph.add("Relu", "act", {graph.add("Add", "sum", operands)}, {}, {"out"}));
    Graph fused = after(graph, "fuse-residual");
    EXPECT_EQ(ops(fused), "Convolution Convolution Relu Convolution Relu");
    EXPECT_EQ(fused.layers()[3].name, "late");
    optimize(fused);
    EXPECT_EQ(ops(fused), "Convolution Convolution Convolution");
    EXPECT_EQ(fused.layers()[2].attrs.string("activation"), "Relu");
    expectSame(graph, fused);
  }
}

TEST(FuseResidual, WhatThePassMustNotFuse) {
  Graph both;
  const TensorId x = both.addInput("x", DataType::Float32, {1, 4, 6, 5});
  const TensorId y = convolution(both, "conv", x, 4);
  both.markOutput(both.add("Add", "twice", {y, y}));
  expectUntouched(both, "fuse-residual");

  Graph broadcast;
  const TensorId a =
      convolution(broadcast, "conv", broadcast.addInput("x", DataType::Float32, {1, 4, 6, 5}), 4);
  broadcast.markOutput(
      broadcast.add("Add", "sum", {a, broadcast.addInput("s", DataType::Float32, {1, 4, 1, 1})}));
  expectUntouched(broadcast, "fuse-residual");

  Graph activated;
  const TensorId z = activated.addInput("x", DataType::Float32, {1, 4, 6, 5});
  const TensorId b = convolution(activated, "conv", z, 4, 3, {{"activation", std::string("Relu")}});
  activated.markOutput(activated.add("Add", "sum", {b, z}));
  expectUntouched(activated, "fuse-residual");
}

TEST(FuseResidual, ChainsOfSumsAllFuse) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 6, 5});
  TensorId total = convolution(graph, "c0", x, 4);
  for (int i = 1; i < 4; ++i)
    total =
        graph.add("Add", "s" + std::to_string(i), {total, convolution(graph, "c" + std::to_string(i), x, 4)});
  graph.markOutput(total);
  EXPECT_EQ(ops(after(graph, "fuse-residual")), "Convolution Convolution Convolution Convolution");
}

}  // namespace
}  // namespace tessera
