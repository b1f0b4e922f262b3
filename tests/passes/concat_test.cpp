// Pass eliminate-concat.
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

TensorId concat(Graph& graph, const std::string& name, std::vector<TensorId> inputs, std::int64_t axis = 1) {
  return graph.add("Concat", name, std::move(inputs), {{"axis", axis}});
}

TEST(EliminateConcat, MarksWhatProducersCanWriteInto) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 6, 5});
  const TensorId a = convolution(graph, "a", x, 4), b = convolution(graph, "b", x, 2);
  graph.markOutput(concat(graph, "c", {a, b}));
  graph.markOutput(graph.add("Exp", "e", {a}));  // others may read a slice
  EXPECT_EQ(only(after(graph, "eliminate-concat"), "Concat").attrs.integer("in_place"), 1);
}

TEST(EliminateConcat, LeavesWhatHasToBeCopied) {
  const auto build = [](int what) {
    Graph graph;
    const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 6, 5});
    const TensorId a = convolution(graph, "a", x, 3), b = convolution(graph, "b", x, 3);
    if (what == 0) graph.markOutput(concat(graph, "c", {a, x}));  // a graph input
    if (what == 1) graph.markOutput(concat(graph, "c", {a, constant(graph, "k", {1, 3, 6, 5}, 1)}));
    if (what == 2) graph.markOutput(concat(graph, "c", {a, b, a}));                    // twice in one
    if (what == 3) graph.markOutput(concat(graph, "c", {a, b}, 2));                    // not the channels
    if (what == 4) graph.markOutput(concat(graph, "c", {a, b})), graph.markOutput(a);  // an output of its own
    if (what == 5)
      graph.markOutput(concat(
          graph, "c",
          {a,
           graph.add("Slice", "s", {b}, {{"starts", ints({0, 1, 0, 0})}, {"sizes", ints({1, 2, 6, 5})}})}));
    return graph;
  };
  for (int what = 0; what < 6; ++what) {
    SCOPED_TRACE(what);
    expectUntouched(build(what), "eliminate-concat");
  }
}

TEST(EliminateConcat, OneOfTwoConcatsOwnsAValue) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 6, 5});
  const TensorId a = convolution(graph, "a", x, 4), b = convolution(graph, "b", x, 2),
                 c = convolution(graph, "c", x, 2);
  graph.markOutput(concat(graph, "ab", {a, b}));
  graph.markOutput(concat(graph, "ac", {a, c}));
  expectUntouched(graph, "eliminate-concat");
}

TEST(EliminateConcat, NestedOnesBecomeOne) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 6, 5});
  const TensorId a = convolution(graph, "a", x, 4), b = convolution(graph, "b", x, 2),
                 c = convolution(graph, "c", x, 5);
  graph.markOutput(concat(graph, "outer", {c, concat(graph, "inner", {a, b}), graph.add("Exp", "e", {c})}));
  const Graph flat = after(graph, "eliminate-concat");
  EXPECT_EQ(ops(flat), "Convolution Convolution Convolution Exp Concat");
  EXPECT_EQ(only(flat, "Concat").inputs.size(), 4u);
  EXPECT_EQ(only(flat, "Concat").attrs.integer("in_place"), 1);
}

TEST(EliminateConcat, AConcatThatOthersReadStays) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 6, 5});
  const TensorId a = convolution(graph, "a", x, 4), b = convolution(graph, "b", x, 2),
                 c = convolution(graph, "c", x, 5);
  const TensorId inner = concat(graph, "inner", {a, b});
  graph.markOutput(concat(graph, "outer", {inner, c}));
  graph.markOutput(graph.add("Exp", "e", {inner}));
  const Graph kept = after(graph, "eliminate-concat");
  EXPECT_EQ(ops(kept), "Convolution Convolution Convolution Concat Concat Exp");
  EXPECT_EQ(kept.layers()[3].attrs.integer("in_place"), 1);
  EXPECT_EQ(kept.layers()[4].attrs.integer("in_place"), 0);
}

}  // namespace
}  // namespace tessera
