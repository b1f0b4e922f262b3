// Pass clean-transposes.
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

TensorId transpose(Graph& graph, const std::string& name, TensorId x, std::vector<std::int64_t> perm) {
  return graph.add("Transpose", name, {x}, {{"perm", std::move(perm)}});
}
TensorId reshape(Graph& graph, const std::string& name, TensorId x, std::vector<std::int64_t> shape) {
  return graph.add("Reshape", name, {x}, {{"shape", std::move(shape)}});
}

/// Runs the whole first group, as transposes that cancel leave an identity.
Graph cleaned(const Graph& graph) {
  Graph copy = graph;
  for (int round = 0; round < 20; ++round) {
    bool changed = runPass(copy, "clean-transposes");
    changed |= runPass(copy, "remove-identity");
    changed |= runPass(copy, "eliminate-dead");
    if (!changed) {
      expectSame(graph, copy);
      return copy;
    }
  }
  ADD_FAILURE() << "the passes do not come to rest";
  return copy;
}

TEST(CleanTransposes, ChainsMergeAndPairsCancel) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {2, 3, 4, 5});
  x = graph.add("Exp", "e", {x});
  x = transpose(graph, "a", x, {0, 2, 3, 1});
  x = transpose(graph, "b", x, {3, 0, 1, 2});
  graph.markOutput(x);
  const Graph one = after(graph, "clean-transposes");
  EXPECT_EQ(ops(one), "Exp Transpose");
  EXPECT_EQ(one.layers()[1].attrs.integers("perm"), ints({1, 0, 2, 3}));

  Graph pair;
  TensorId y = pair.add("Exp", "e", {pair.addInput("x", DataType::Float32, {2, 3, 4, 5})});
  y = transpose(pair, "a", y, {0, 2, 3, 1});
  y = transpose(pair, "b", y, {0, 3, 1, 2});
  pair.markOutput(pair.add("Sin", "s", {y}));
  EXPECT_EQ(ops(cleaned(pair)), "Exp Sin");
}

TEST(CleanTransposes, ReshapesMerge) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {2, 3, 4});
  x = reshape(graph, "a", x, {6, 4});
  x = reshape(graph, "b", x, {4, 6});
  x = reshape(graph, "c", x, {24});
  graph.markOutput(x);
  EXPECT_EQ(ops(after(graph, "clean-transposes")), "Reshape");
}

TEST(CleanTransposes, MovingExtentsOfOneIsAReshape) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2, 7, 1, 3});
  graph.markOutput(transpose(graph, "a", x, {0, 2, 1, 3}));
  EXPECT_EQ(ops(after(graph, "clean-transposes")), "Reshape");
}

TEST(CleanTransposes, SinkThroughPointwiseLayersUntilTheyMeet) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2, 3, 4, 5});
  TensorId a = transpose(graph, "a", x, {0, 2, 3, 1});
  a = graph.add("Add", "bias", {a, constant(graph, "c", {3}, 5)});
  a = graph.add("Mul", "scaled", {constant(graph, "k", {1}, 6), a});
  TensorId b = transpose(graph, "b", graph.add("Exp", "e", {x}), {0, 2, 3, 1});
  a = graph.add("Add", "sum", {a, graph.add("Tanh", "t", {b})});
  graph.markOutput(graph.add("Sin", "s", {transpose(graph, "back", a, {0, 3, 1, 2})}));
  const Graph clean = cleaned(graph);
  EXPECT_EQ(ops(clean), "Add Mul Exp Tanh Add Sin");
}

TEST(CleanTransposes, SinkThroughConcatSliceAndPad) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2, 3, 4, 5});
  const TensorId a = transpose(graph, "a", x, {0, 2, 3, 1}),
                 b = transpose(graph, "b", graph.add("Exp", "e", {x}), {0, 2, 3, 1});
  TensorId y = graph.add("Concat", "c", {a, b}, {{"axis", std::int64_t{3}}});
  y = graph.add(
      "Slice", "s", {y},
      {{"starts", ints({0, 1, 4, 2})}, {"sizes", ints({2, 2, 3, 3})}, {"steps", ints({1, 1, -1, 1})}});
  y = graph.add("Pad", "p", {y}, {{"pads", ints({0, 1, 0, 0, 0, 0, 2, 3})}, {"value", 0.5}});
  graph.markOutput(transpose(graph, "back", y, {0, 3, 1, 2}));
  EXPECT_EQ(ops(cleaned(graph)), "Exp Concat Slice Pad");
}

TEST(CleanTransposes, OnesThatOthersReadStay) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2, 3, 4});
  const TensorId a = transpose(graph, "a", x, {2, 0, 1});
  graph.markOutput(a);
  graph.markOutput(graph.add("Exp", "e", {a}));
  expectUntouched(graph, "clean-transposes");

  Graph mixed;  // different orders, and a constant with several long extents
  const TensorId y = mixed.addInput("x", DataType::Float32, {3, 3, 3});
  mixed.markOutput(
      mixed.add("Add", "sum", {transpose(mixed, "a", y, {2, 0, 1}), transpose(mixed, "b", y, {1, 0, 2})}));
  mixed.markOutput(
      mixed.add("Add", "table", {transpose(mixed, "c", y, {2, 0, 1}), constant(mixed, "k", {3, 3}, 1)}));
  expectUntouched(mixed, "clean-transposes");
}

TEST(CleanTransposes, ActivationsPassReshapesToReachTheirLayer) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {6, 4});
  TensorId y = graph.add("FullyConnected", "fc", {x, constant(graph, "w", {5, 4}, 1)});
  y = reshape(graph, "r", y, {2, 3, 5});
  graph.markOutput(graph.add("Relu", "act", {y}, {}, {"out"}));
  const Graph moved = after(graph, "clean-transposes");
  EXPECT_EQ(ops(moved), "FullyConnected Relu Reshape");
}

}  // namespace
}  // namespace tessera
