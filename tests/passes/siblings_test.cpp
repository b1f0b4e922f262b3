// Pass aggregate-siblings.
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

TEST(AggregateSiblings, OnesThatMeetInAConcatNeedNoSlices) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 5, 6, 7});
  const TensorId a = convolution(graph, "a", x, 3), b = convolution(graph, "b", x, 4, 3, {}, false),
                 c = convolution(graph, "c", x, 6, 1);
  graph.markOutput(graph.add("Concat", "k", {c, a, b}, {{"axis", std::int64_t{1}}}));
  const Graph joined = after(graph, "aggregate-siblings");
  EXPECT_EQ(ops(joined), "Convolution Convolution Concat");
  EXPECT_EQ(joined.tensor(joined.layers()[0].outputs[0]).shape[1], 7);
  EXPECT_EQ(joined.layers()[0].name, "a");
}

TEST(AggregateSiblings, AConcatOfAllOfThemGoes) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 5, 6, 7});
  const TensorId a = convolution(graph, "a", x, 3), b = convolution(graph, "b", x, 4);
  graph.markOutput(graph.add("Concat", "k", {a, b}, {{"axis", std::int64_t{1}}}, {"out"}));
  EXPECT_EQ(ops(after(graph, "aggregate-siblings")), "Convolution");
}

TEST(AggregateSiblings, AlignedSlicesServeOtherReaders) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2, 4, 3, 3});
  const Attributes relu = {{"activation", std::string("PRelu")}};
  const auto prelu = [&](const std::string& name, std::int64_t outputs, const Shape& slope) {
    return graph.add(
        "Convolution", name,
        {x, constant(graph, "w" + name, {outputs, 4, 3, 3}, 1), constant(graph, "b" + name, {outputs}, 2),
         kNoTensor, constant(graph, "s" + name, slope, 3)},
        relu);
  };
  const TensorId a = prelu("a", 32, {1}), b = prelu("b", 32, {32}), c = prelu("c", 7, {7});
  for (TensorId id : {a, b, c}) graph.markOutput(graph.add("Sin", "s" + std::to_string(id), {id}));
  EXPECT_EQ(ops(after(graph, "aggregate-siblings")), "Convolution Slice Slice Slice Sin Sin Sin");
}

TEST(AggregateSiblings, OthersStayApart) {
  const auto build = [](int what) {
    Graph graph;
    const TensorId x = graph.addInput("x", DataType::Float32, {1, 5, 6, 7});
    const std::int64_t narrow = what == 0 ? 20 : what == 1 ? 96 : 32;  // unaligned slices; wide enough alone
    Attributes own;
    if (what == 2) own = {{"dilations", ints({2, 2})}, {"pads", ints({2, 2, 2, 2})}};
    if (what == 3) own = {{"activation", std::string("Relu")}};
    const TensorId a = convolution(graph, "a", x, narrow);
    const TensorId b = convolution(graph, "b", what == 4 ? graph.add("Exp", "e", {x}) : x, narrow, 3, own);
    if (what == 5) graph.markOutput(a);
    graph.markOutput(graph.add("Sin", "sa", {a}));
    graph.markOutput(graph.add("Sin", "sb", {b}));
    return graph;
  };
  for (int what = 0; what < 6; ++what) {
    SCOPED_TRACE(what);
    expectUntouched(build(what), "aggregate-siblings");
  }
}

}  // namespace
}  // namespace tessera
