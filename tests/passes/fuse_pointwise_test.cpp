// Pass fuse-pointwise.
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

TEST(FusePointwise, ChainsWithBroadcastOperands) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2, 6, 3, 4}),
                 r = graph.addInput("r", DataType::Float32, {2, 6, 3, 4});
  TensorId y = graph.add("Add", "sum", {x, r});
  y = graph.add("Scale", "bn", {y, constant(graph, "s", {6}, 1), constant(graph, "t", {6}, 2)});
  y = graph.add("PRelu", "act", {y, constant(graph, "slope", {6, 1, 1}, 3)});
  y = graph.add("Clip", "clip", {y}, {{"alpha", -1.0}, {"beta", 0.75}});
  graph.markOutput(
      graph.add("Mul", "last", {y, graph.addConstant("two", filled({1, 1, 1, 1}, 2))}, {}, {"out"}));
  const Graph fused = after(graph, "fuse-pointwise");
  ASSERT_EQ(ops(fused), "Pointwise");
  EXPECT_EQ(fused.layers()[0].name, "last");
  EXPECT_EQ(fused.layers()[0].inputs.size(), 5u);  // the scalar became a number
  EXPECT_EQ(fused.layers()[0].attrs.string("expression"),
            "t0=Add(x0,x1);t1=Mul(t0,x2);t2=Add(t1,x3);t3=PRelu(t2,x4);t4=Clip(t3,alpha=-1,beta=0.75);t5=Mul("
            "t4,2)");
}

TEST(FusePointwise, ValuesReadTwiceInsideOneResult) {
  Graph graph;
  TensorId x = graph.add("Sin", "s", {graph.addInput("x", DataType::Float32, {7, 5})});
  x = graph.add("Mul", "gated",
                {x, graph.add("Sigmoid", "gate", {graph.add("Affine", "a", {x}, {{"alpha", 1.702}})})});
  graph.markOutput(x);
  const Graph fused = after(graph, "fuse-pointwise");
  EXPECT_EQ(ops(fused), "Pointwise");
}

TEST(FusePointwise, ConditionsStayInside) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {7, 5}),
                 y = graph.addInput("y", DataType::Float32, {5});
  graph.markOutput(
      graph.add("Where", "w", {graph.add("Greater", "g", {x, y}), x, graph.add("Exp", "e", {x})}));
  EXPECT_EQ(ops(after(graph, "fuse-pointwise")), "Pointwise");

  Graph conditional;  // a condition that is an output, too
  const TensorId z = conditional.addInput("x", DataType::Float32, {7, 5});
  const TensorId g = conditional.add("Greater", "g", {z, conditional.addConstant("0", filled({}, 0))});
  conditional.markOutput(g);
  conditional.markOutput(conditional.add("Where", "w", {g, z, conditional.add("Exp", "e", {z})}));
  expectUntouched(conditional, "fuse-pointwise");
}

TEST(FusePointwise, WhatOthersReadOrWouldBeComputedAgainStays) {
  Graph read;
  const TensorId a = read.add("Exp", "a", {read.addInput("x", DataType::Float32, {3, 4})});
  read.markOutput(a);
  read.markOutput(read.add("Sin", "b", {a}));
  expectUntouched(read, "fuse-pointwise");

  Graph gate;  // one value per channel: cheaper once than per pixel
  const TensorId x = gate.addInput("x", DataType::Float32, {1, 4, 5, 5}),
                 s = gate.addInput("s", DataType::Float32, {1, 4, 1, 1});
  gate.markOutput(gate.add("Mul", "m", {x, gate.add("Sigmoid", "g", {s})}));
  expectUntouched(gate, "fuse-pointwise");

  Graph integers;
  const TensorId i = integers.add("Cast", "i", {integers.addInput("x", DataType::Float32, {3, 4})},
                                  {{"to", std::string("i32")}});
  const TensorId d = integers.add("Add", "d", {i, i});
  integers.markOutput(integers.add("Mul", "m", {d, d}));
  expectUntouched(integers, "fuse-pointwise");
}

TEST(FusePointwise, KeepsWithinTheLimits) {
  Graph graph;
  TensorId y = graph.addInput("x", DataType::Float32, {3, 4});
  for (int i = 0; i < 20; ++i)
    y = graph.add("Add", "a" + std::to_string(i),
                  {y, constant(graph, "c", {4}, 10 + static_cast<std::uint32_t>(i))});
  for (int i = 0; i < 40; ++i) y = graph.add(i % 2 ? "Sin" : "Tanh", "f" + std::to_string(i), {y});
  graph.markOutput(y);
  const Graph fused = after(graph, "fuse-pointwise");
  EXPECT_LT(fused.layers().size(), 8u);
  for (const auto& layer : fused.layers()) EXPECT_LE(layer.inputs.size(), 8u);
}

}  // namespace
}  // namespace tessera
