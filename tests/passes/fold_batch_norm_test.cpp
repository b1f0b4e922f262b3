// Pass fold-batch-norm.
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

TensorId batchNorm(Graph& graph, const std::string& name, TensorId x) {
  const Shape c = {graph.tensor(x).shape[1]};
  return graph.add("BatchNorm", name,
                   {x, constant(graph, name + "/s", c, 11), constant(graph, name + "/b", c, 12),
                    constant(graph, name + "/m", c, 13), constant(graph, name + "/v", c, 14, 0.5f, 2)},
                   {{"epsilon", 1e-3}});
}

struct Folded {
  const char* name;
  const char* op;
  Attributes attrs;
};

class FoldAfter : public testing::TestWithParam<Folded> {};

TEST_P(FoldAfter, EveryFormOfScaleAndShiftFolds) {
  const auto& [name, op, attrs] = GetParam();
  for (const bool bias : {true, false}) {
    const std::string kind = op;
    const Shape input = kind == "FullyConnected" ? Shape{2, 6} : Shape{2, 6, 5, 4};
    for (int form = 0; form < 7; ++form) {
      SCOPED_TRACE(std::string(name) + " form " + std::to_string(form) + (bias ? " with bias" : ""));
      Graph graph;
      const TensorId x = graph.addInput("x", DataType::Float32, input);
      const auto group = attrs.integer("group", 1);
      const Shape weights = kind == "FullyConnected"  ? Shape{4, 6}
                            : kind == "Deconvolution" ? Shape{6, 4 / group, 3, 2}
                                                      : Shape{4, 6 / group, 3, 2};
      std::vector<TensorId> inputs = {x, constant(graph, "w", weights, 1)};
      if (bias) inputs.push_back(constant(graph, "b", {4}, 2));
      TensorId y = graph.add(kind, "conv", inputs, attrs);
      const Shape wide = kind == "FullyConnected" ? Shape{4} : Shape{4, 1, 1};
      const auto other = [&] { return constant(graph, "c", wide, 3, 0.5f, 2); };
      if (form == 0) y = batchNorm(graph, "n", y);
      if (form == 1)
        y = graph.add("Scale", "n", {y, constant(graph, "s", {4}, 4), constant(graph, "t", {4}, 5)});
      if (form == 2) y = graph.add("Mul", "n", {other(), y});
      if (form == 3) y = graph.add("Sub", "n", {other(), y});
      if (form == 4) y = graph.add("Div", "n", {y, other()});
      if (form == 5) y = graph.add("Affine", "n", {y}, {{"alpha", 2.5}, {"beta", -1.0}});
      if (form == 6) y = graph.add("Add", "n", {y, graph.addConstant("c", filled({1}, 3))});
      graph.markOutput(graph.add("Relu", "r", {y}));
      const Graph folded = after(graph, "fold-batch-norm");
      EXPECT_EQ(ops(folded), kind + " Relu");
      EXPECT_EQ(folded.layers()[0].name, "conv");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Layers, FoldAfter,
    testing::Values(Folded{"Plain", "Convolution", {{"pads", ints({1, 1, 1, 1})}}},
                    Folded{"Groups", "Convolution", {{"group", std::int64_t{2}}}},
                    Folded{"Deconvolution", "Deconvolution", {{"strides", ints({2, 2})}}},
                    Folded{"DeconvolutionGroups", "Deconvolution", {{"group", std::int64_t{2}}}},
                    Folded{"FullyConnected", "FullyConnected", {}}),
    [](const auto& instance) { return instance.param.name; });

TEST(FoldBatchNorm, AnAddOnlyLeavesTheWeightsAlone) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 5, 5});
  const TensorId y = convolution(graph, "conv", x, 4, 3, {}, false);
  graph.markOutput(graph.add("Add", "a", {y, constant(graph, "b", {1, 4, 1, 1}, 9)}, {}, {"out"}));
  const auto weights = graph.tensor(graph.layers()[0].inputs[1]).constant;
  const Graph folded = after(graph, "fold-batch-norm");
  EXPECT_EQ(ops(folded), "Convolution");
  EXPECT_EQ(folded.tensor(folded.layers()[0].inputs[1]).constant, weights);
}

TEST(FoldBatchNorm, WhatThePassMustNotFold) {
  const auto build = [](int what) {
    Graph graph;
    const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 4, 5});
    Attributes attrs;
    if (what == 0) attrs.set("activation", std::string("Relu"));
    const TensorId y = convolution(graph, "conv", x, 4, 3, attrs);
    if (what == 1) graph.markOutput(y);  // others see the unscaled value
    if (what == 2) graph.markOutput(graph.add("Exp", "e", {y}));
    const Shape shape = what == 3   ? Shape{5}
                        : what == 4 ? Shape{4, 4, 5}
                                    : Shape{4, 1, 1};  // not per channel
    graph.markOutput(graph.add("Mul", "m", {y, constant(graph, "c", shape, 3)}));
    return graph;
  };
  for (int what = 0; what < 5; ++what) {
    SCOPED_TRACE(what);
    expectUntouched(build(what), "fold-batch-norm");
  }
}

TEST(FoldBatchNorm, ADivisionByZeroStays) {
  Graph graph;
  const TensorId y = convolution(graph, "conv", graph.addInput("x", DataType::Float32, {1, 3, 4, 5}), 4);
  graph.markOutput(graph.add("Div", "d", {y, graph.addConstant("z", filled({4, 1, 1}, 0))}));
  expectUntouched(graph, "fold-batch-norm");
}

TEST(FoldBatchNorm, BeforeALayerWithoutPadding) {
  for (const std::int64_t group : {1, 3}) {
    Graph graph;
    const TensorId x = graph.addInput("x", DataType::Float32, {2, 6, 5, 5});
    const TensorId y = batchNorm(graph, "n", x);
    graph.markOutput(convolution(graph, "conv", y, 6, 3, {{"pads", ints({0, 0, 0, 0})}, {"group", group}}));
    EXPECT_EQ(ops(after(graph, "fold-batch-norm")), "Convolution");
  }
  Graph flattened;
  const TensorId y = batchNorm(flattened, "n", flattened.addInput("x", DataType::Float32, {2, 6, 2, 2}));
  flattened.markOutput(flattened.add("FullyConnected", "fc", {y, constant(flattened, "w", {5, 24}, 7)}));
  EXPECT_EQ(ops(after(flattened, "fold-batch-norm")), "FullyConnected");
}

TEST(FoldBatchNorm, BeforePaddingOnlyScalesFold) {
  Graph shifted;
  const TensorId y = batchNorm(shifted, "n", shifted.addInput("x", DataType::Float32, {1, 6, 5, 5}));
  shifted.markOutput(convolution(shifted, "conv", y, 4));
  const Graph kept = after(shifted, "fold-batch-norm");
  EXPECT_EQ(ops(kept), "Scale Convolution");

  Graph scaled;
  const TensorId z = scaled.add(
      "Scale", "s", {scaled.addInput("x", DataType::Float32, {1, 6, 5, 5}), constant(scaled, "c", {6}, 3)});
  scaled.markOutput(convolution(scaled, "conv", z, 4));
  EXPECT_EQ(ops(after(scaled, "fold-batch-norm")), "Convolution");

  Graph transposed;
  const TensorId t = transposed.add(
      "Scale", "s",
      {transposed.addInput("x", DataType::Float32, {1, 6, 5, 5}), constant(transposed, "c", {6}, 3)});
  transposed.markOutput(transposed.add("Deconvolution", "d", {t, constant(transposed, "w", {6, 2, 2, 2}, 5)},
                                       {{"strides", ints({2, 2})}, {"group", std::int64_t{2}}}));
  EXPECT_EQ(ops(after(transposed, "fold-batch-norm")), "Deconvolution");
}

TEST(FoldBatchNorm, WhatIsLeftIsMerged) {
  Graph graph;
  TensorId x = graph.add("Exp", "e", {graph.addInput("x", DataType::Float32, {2, 6, 3, 3})});
  x = batchNorm(graph, "n", x);
  x = graph.add("Scale", "s", {x, constant(graph, "c", {6}, 3)});
  x = graph.add("Add", "a", {x, constant(graph, "d", {6, 1, 1}, 4)});
  graph.markOutput(graph.add("Sin", "sin", {x}));
  EXPECT_EQ(ops(after(graph, "fold-batch-norm")), "Exp Scale Sin");

  Graph uniform;
  TensorId u = uniform.addInput("x", DataType::Float32, {2, 6, 3, 3});
  u = uniform.add("Affine", "a", {u}, {{"alpha", 2.0}, {"beta", 1.0}});
  u = uniform.add("Neg", "n", {u});
  uniform.markOutput(u);
  const Graph merged = after(uniform, "fold-batch-norm");
  EXPECT_EQ(ops(merged), "Affine");
  EXPECT_EQ(merged.layers()[0].attrs.number("alpha"), -2);
}

}  // namespace
}  // namespace tessera
