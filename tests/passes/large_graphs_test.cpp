// Passes on graphs whose tensors are larger than any memory: nothing they make may grow with an extent.
#include <gtest/gtest.h>

#include "tessera/passes.hpp"

namespace tessera {
namespace {

int count(const Graph& graph, const std::string& op) {
  int found = 0;
  for (const auto& layer : graph.layers()) found += layer.op == op;
  return found;
}

TEST(LargeGraphs, NoPassListsValuesPerChannelOfAnyNumber) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, std::int64_t{1} << 33, 1, 1});
  const TensorId half = graph.addConstant("half", HostTensor::scalar(0.5f));
  TensorId y = graph.add("Neg", "n", {x});
  y = graph.add("Mul", "m", {y, half});
  y = graph.add("Affine", "a", {y}, {{"alpha", 2.0}, {"beta", 1.0}});
  graph.markOutput(graph.add("Relu", "r", {y}));
  EXPECT_NO_THROW(optimize(graph));
  EXPECT_FALSE(graph.layers().empty());
}

HostTensor filled(Shape shape) { return {DataType::Float32, std::move(shape)}; }

TEST(LargeGraphs, OnlyWhatIsCheapBesideItsOperandsIsFolded) {
  const auto product = [](std::int64_t n) {
    Graph graph;
    const TensorId x = graph.addInput("x", DataType::Float32, {n, n});
    const TensorId a = graph.addConstant("a", filled({n, n})), b = graph.addConstant("b", filled({n, n}));
    const TensorId turned = graph.add("Exp", "e", {a});
    graph.markOutput(graph.add("Add", "s", {x, graph.add("MatMul", "ab", {turned, b})}));
    optimize(graph);
    EXPECT_EQ(count(graph, "Exp"), 0) << "as large as its operand";
    return count(graph, "MatMul");
  };
  EXPECT_EQ(product(64), 0);
  EXPECT_EQ(product(512), 1) << "5e8 multiply-adds";
}

TEST(LargeGraphs, LongChainsOfConstantsAreNotFoldedToTheEnd) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1});
  TensorId c = graph.addConstant("c", filled({1 << 20}));
  for (int i = 0; i < 400; ++i) c = graph.add("Exp", "e" + std::to_string(i), {c});
  graph.markOutput(graph.add("Add", "y", {x, c}));
  optimize(graph, {.disabled = {"fuse-pointwise"}});
  EXPECT_GT(count(graph, "Exp"), 300) << "7e9 operations";
  EXPECT_LT(count(graph, "Exp"), 400);
}

}  // namespace
}  // namespace tessera
