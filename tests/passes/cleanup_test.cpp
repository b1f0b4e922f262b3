// Passes fold-constants, eliminate-dead, remove-identity.
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

TEST(FoldConstants, ComputesWhatDependsOnConstantsOnly) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2, 3});
  const TensorId c = graph.add("Exp", "e", {constant(graph, "c", {3}, 1)});
  const TensorId d = graph.add("Mul", "m", {c, constant(graph, "d", {2, 1}, 2)});
  graph.markOutput(graph.add("Add", "a", {x, d}, {}, {"y"}));
  EXPECT_EQ(ops(after(graph, "fold-constants")), "Add");
}

TEST(FoldConstants, KeepsOutputsComputed) {
  Graph graph;
  graph.addInput("x", DataType::Float32, {1});
  graph.markOutput(graph.add("Exp", "e", {constant(graph, "c", {3}, 1)}));
  expectUntouched(graph, "fold-constants");
}

TEST(EliminateDead, FollowsChainsAndKeepsOutputs) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2, 3});
  const TensorId unused = graph.add("Exp", "dead1", {x});
  graph.add("Exp", "dead2", {unused});
  graph.markOutput(graph.add("Relu", "live", {x}));
  const Graph left = after(graph, "eliminate-dead");
  EXPECT_EQ(ops(left), "Relu");
  EXPECT_EQ(left.tensors().size(), 2u);
}

TEST(RemoveIdentity, AsAGraphOutputTheProducerTakesItsName) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2});
  const TensorId y = graph.add("Exp", "e", {x});
  graph.markOutput(graph.add("Identity", "i", {y}, {}, {"wanted"}));
  graph.markOutput(graph.add("Sin", "s", {y}));
  const Graph left = after(graph, "remove-identity");
  EXPECT_EQ(ops(left), "Exp Sin");
  EXPECT_EQ(left.tensor(left.layers()[0].outputs[0]).name, "wanted");
}

TEST(RemoveIdentity, KeepsACopyOfAnInputOrOfAnotherOutput) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2});
  graph.markOutput(graph.add("Identity", "i", {x}));
  expectUntouched(graph, "remove-identity");

  Graph twice;
  const TensorId y = twice.add("Exp", "e", {twice.addInput("x", DataType::Float32, {2})});
  twice.markOutput(y);
  twice.markOutput(twice.add("Identity", "i", {y}));
  expectUntouched(twice, "remove-identity");
}

TEST(RemoveIdentity, NeutralOperands) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {1, 4, 2, 3});
  x = graph.add("Exp", "before", {x});
  x = graph.add("Add", "a", {x, graph.addConstant("0", filled({4, 1, 1}, 0))});
  x = graph.add("Mul", "m", {graph.addConstant("1", filled({}, 1)), x});
  x = graph.add("Sub", "s", {x, graph.addConstant("z", filled({1}, 0))});
  x = graph.add("Div", "d", {x, graph.addConstant("o", filled({1}, 1))});
  graph.markOutput(graph.add("Sin", "after", {x}));
  EXPECT_EQ(ops(after(graph, "remove-identity")), "Exp Sin");

  Graph grows;  // adding zeros of a larger shape broadcasts
  const TensorId small = grows.addInput("x", DataType::Float32, {1, 3});
  grows.markOutput(grows.add("Add", "a", {small, grows.addConstant("0", filled({2, 3}, 0))}));
  expectUntouched(grows, "remove-identity");
}

TEST(RemoveIdentity, RepeatedRectifiers) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {5});
  x = graph.add("Clip", "c", {x}, {{"alpha", 0.0}, {"beta", 2.0}});
  x = graph.add("Clip", "c2", {x}, {{"alpha", -1.0}, {"beta", 6.0}});
  x = graph.add("Clip", "c3", {x}, {{"alpha", 0.5}, {"beta", 6.0}});
  graph.markOutput(x);
  EXPECT_EQ(ops(after(graph, "remove-identity")), "Clip Clip");
}

}  // namespace
}  // namespace tessera
