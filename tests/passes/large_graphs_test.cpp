// Passes on graphs whose tensors are larger than any memory: nothing they make may grow with an extent. And
// on graphs of many layers: who computes and reads a tensor is looked up, not searched for.
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

HostTensor zeros(Shape shape) { return {DataType::Float32, std::move(shape)}; }

TEST(LargeGraphs, OnlyWhatIsCheapBesideItsOperandsIsFolded) {
  const auto product = [](std::int64_t n) {
    Graph graph;
    const TensorId x = graph.addInput("x", DataType::Float32, {n, n});
    const TensorId a = graph.addConstant("a", zeros({n, n})), b = graph.addConstant("b", zeros({n, n}));
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
  TensorId c = graph.addConstant("c", zeros({1 << 20}));
  for (int i = 0; i < 400; ++i) c = graph.add("Exp", "e" + std::to_string(i), {c});
  graph.markOutput(graph.add("Add", "y", {x, c}));
  optimize(graph, {.disabled = {"fuse-pointwise"}});
  EXPECT_GT(count(graph, "Exp"), 300) << "7e9 operations";
  EXPECT_LT(count(graph, "Exp"), 400);
}

constexpr int kMany = 5000;

/// A chain of layers that no pass touches.
Graph manyLayers() {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {1, 4, 3, 3});
  for (int i = 0; i < kMany; ++i)
    x = graph.add("Pool", "p" + std::to_string(i), {x},
                  {{"mode", std::string("max")},
                   {"kernel", std::vector<std::int64_t>{3, 3}},
                   {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  graph.markOutput(x);
  return graph;
}

std::size_t operandsOf(const Graph& graph) {
  std::size_t operands = 0;
  for (const Layer& layer : graph.layers()) operands += layer.inputs.size() + layer.outputs.size();
  return operands;
}

TEST(LargeGraphs, LookUpsReadEveryLayerOnceAfterAnEdit) {
  Graph graph = manyLayers();
  const std::size_t operands = operandsOf(graph);
  const auto lookUpAll = [&] {
    for (TensorId id = 0; id < static_cast<TensorId>(graph.tensors().size()); ++id) {
      const int producer = graph.producer(id);
      EXPECT_EQ(producer, id == 0 ? -1 : id - 1);
      EXPECT_EQ(graph.consumers(id), id == kMany ? std::vector<int>{} : std::vector<int>{id});
    }
  };
  lookUpAll();
  EXPECT_EQ(graph.lookUpWork(), operands);
  lookUpAll();
  EXPECT_EQ(graph.lookUpWork(), operands) << "nothing was edited";
  graph.add("Relu", "r", {graph.inputs()[0]});
  EXPECT_EQ(graph.consumers(graph.inputs()[0]), (std::vector<int>{0, kMany}));
  EXPECT_EQ(graph.lookUpWork(), 2 * operands + 2);
}

TEST(LargeGraphs, EveryKindOfEditIsSeenByTheNextLookUp) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {4});
  const TensorId a = graph.add("Relu", "a", {x}), b = graph.add("Neg", "b", {a}),
                 c = graph.add("Add", "c", {a, b});
  graph.markOutput(c);
  const Graph before = graph;
  EXPECT_EQ(graph.consumers(a), (std::vector<int>{1, 2}));
  graph.editLayers()[1].inputs[0] = x;
  EXPECT_EQ(graph.consumers(a), std::vector<int>{2});
  EXPECT_EQ(graph.consumers(x), (std::vector<int>{0, 1}));
  graph.replaceUses(a, x);
  EXPECT_TRUE(graph.consumers(a).empty());
  EXPECT_EQ(graph.consumers(x), (std::vector<int>{0, 1, 2}));
  graph.editLayers().erase(graph.layers().begin());
  EXPECT_EQ(graph.producer(c), 1);
  EXPECT_EQ(graph.producer(a), -1);
  graph.compact();
  EXPECT_EQ(graph.producer(graph.outputs()[0]), 1);
  EXPECT_EQ(graph.consumers(graph.findTensor("b")), std::vector<int>{1});
  graph.verify();
  EXPECT_EQ(before.consumers(a), (std::vector<int>{1, 2})) << "copies keep their own";
  graph = before;
  EXPECT_EQ(graph.consumers(a), (std::vector<int>{1, 2}));
}

TEST(LargeGraphs, TensorsAreFoundByTheNamesTheyHaveNow) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {4});
  EXPECT_EQ(graph.findTensor("a"), kNoTensor);
  const TensorId a = graph.add("Relu", "a", {x}), b = graph.add("Neg", "b", {a});
  graph.markOutput(b);
  EXPECT_EQ(graph.findTensor("a"), a);
  const Graph before = graph;
  graph.tensor(a).name = "renamed";
  EXPECT_EQ(graph.findTensor("a"), kNoTensor);
  EXPECT_EQ(graph.findTensor("renamed"), a);
  EXPECT_EQ(before.findTensor("a"), a) << "copies keep their own";
  graph.tensor(b).name = "renamed";
  EXPECT_EQ(graph.findTensor("renamed"), a) << "the first";
  graph.replaceUses(a, x);
  graph.editLayers().erase(graph.layers().begin());
  graph.compact();
  EXPECT_EQ(graph.findTensor("renamed"), graph.outputs()[0]);
  graph.verify();
  GraphTensor& input = graph.tensor(x);
  EXPECT_EQ(graph.findTensor("x"), x);
  input.name = "y";
  EXPECT_THROW(graph.verify(), Error) << "renamed behind a look-up";
}

TEST(LargeGraphs, WritesBehindALookUpAreFound) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {4});
  const TensorId a = graph.add("Relu", "a", {x}), b = graph.add("Neg", "b", {a});
  graph.markOutput(b);
  Layer& last = graph.editLayers().back();
  EXPECT_EQ(graph.producer(a), 0);
  last.inputs[0] = x;
  EXPECT_THROW(graph.verify(), Error);
  EXPECT_THROW(graph.compact(), Error) << "passes end with it";
}

}  // namespace
}  // namespace tessera
