// Large networks: passes that look at every layer take time in proportion to them.
#include <gtest/gtest.h>

#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

constexpr int kMany = 20000;

Graph chain(const std::vector<std::string>& kinds, int count = kMany) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {1, 4});
  for (int i = 0; i < count; ++i)
    x = graph.add(kinds[static_cast<std::size_t>(i) % kinds.size()], "l" + std::to_string(i), {x});
  graph.markOutput(x);
  return graph;
}

TEST(ManyLayers, RepeatedFunctionsBecomeOne) {
  Graph graph = chain({"Relu"});
  const std::string output = graph.tensor(graph.outputs()[0]).name;
  optimize(graph);
  EXPECT_EQ(ops(graph), "Relu");
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, output);
}

TEST(ManyLayers, DifferentFunctionsBecomeChains) {
  Graph graph = chain({"Relu", "Sigmoid", "Tanh", "Neg"}, kMany / 5);
  optimize(graph);
  EXPECT_LE(graph.layers().size(), static_cast<std::size_t>(kMany / 100));
  for (const Layer& layer : graph.layers()) EXPECT_EQ(layer.op, "Pointwise");
}

TEST(ManyLayers, UnreadOnesGo) {
  Graph graph = chain({"Relu", "Sigmoid"});
  graph.outputs() = {graph.add("Softmax", "kept", {graph.inputs()[0]}, {{"axis", std::int64_t{1}}})};
  optimize(graph);
  EXPECT_EQ(ops(graph), "Softmax");
}

TEST(RemoveIdentity, OutputsTakeThePlaceOfWhatOthersReadToo) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 4});
  const TensorId a = graph.add("Relu", "a", {x});
  const TensorId b = graph.add("Neg", "b", {a});
  const TensorId first = graph.add("Identity", "first", {a});
  const TensorId second = graph.add("Identity", "second", {first});  // a copy of an output stays a layer
  const TensorId c = graph.add("Relu", "c", {first});
  graph.markOutput(b);
  graph.markOutput(first);
  graph.markOutput(second);
  graph.markOutput(graph.add("Tanh", "d", {c}));
  Graph lean = graph;
  optimize(lean);
  lean.verify();
  EXPECT_EQ(lean.tensor(lean.outputs()[1]).name, "first");
  EXPECT_EQ(lean.tensor(lean.outputs()[2]).name, "second");
  expectSame(graph, lean, 1e-6);
}

}  // namespace
}  // namespace tessera
