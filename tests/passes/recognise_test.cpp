// Passes simplify-arithmetic, recognise-activations, recognise-layers.
#include <cmath>

#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

TensorId number(Graph& graph, float value) { return graph.addConstant("number", filled({}, value)); }

/// Runs the first group of passes to the end; the results must agree.
Graph recognised(const Graph& graph, double tolerance = 1e-5) {
  Graph copy = graph;
  for (bool changed = true; changed;) {
    changed = false;
    for (const char* pass :
         {"fold-constants", "remove-identity", "simplify-arithmetic", "recognise-activations",
          "recognise-layers", "clean-transposes", "eliminate-dead"})
      changed |= runPass(copy, pass);
  }
  expectSame(graph, copy, tolerance);
  return copy;
}

TEST(SimplifyArithmetic, NumbersBecomeAffines) {
  const struct {
    const char* op;
    bool numberFirst;
    double alpha, beta;
  } cases[] = {{"Add", false, 1, 4},  {"Add", true, 1, 4},  {"Mul", false, 4, 0},
               {"Sub", false, 1, -4}, {"Sub", true, -1, 4}, {"Div", false, 0.25, 0}};
  for (const auto& c : cases) {
    Graph graph;
    const TensorId x = graph.addInput("x", DataType::Float32, {2, 3}), four = number(graph, 4);
    graph.markOutput(graph.add(c.op, "a", c.numberFirst ? std::vector{four, x} : std::vector{x, four}));
    const Graph simple = after(graph, "simplify-arithmetic");
    ASSERT_EQ(ops(simple), "Affine") << c.op;
    EXPECT_EQ(simple.layers()[0].attrs.number("alpha"), c.alpha) << c.op;
    EXPECT_EQ(simple.layers()[0].attrs.number("beta"), c.beta) << c.op;
  }
}

TEST(SimplifyArithmetic, WhatIsNotAnAffineStays) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {3});
  graph.markOutput(graph.add("Div", "reciprocal", {number(graph, 4), x}));
  graph.markOutput(graph.add("Div", "zero", {x, number(graph, 0)}));
  graph.markOutput(graph.add("Add", "grows", {x, graph.addConstant("c", filled({1, 1}, 1))}));
  graph.markOutput(graph.add("Add", "row", {x, constant(graph, "r", {3}, 1)}));
  const TensorId i = graph.add("Cast", "i", {x}, {{"to", std::string("i32")}});
  graph.markOutput(
      graph.add("Add", "integers", {i, graph.addConstant("k", HostTensor::of<std::int32_t>({}, {2}))}));
  Graph copy = graph;
  EXPECT_FALSE(runPass(copy, "simplify-arithmetic")) << copy.text();
}

TEST(SimplifyArithmetic, AffinesMerge) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {2, 3});
  x = graph.add("Add", "a", {x, number(graph, 3)});
  x = graph.add("Mul", "b", {x, number(graph, 2)});
  graph.markOutput(graph.add("Neg", "n", {x}));
  const Graph simple = after(graph, "simplify-arithmetic");
  ASSERT_EQ(ops(simple), "Affine");
  EXPECT_EQ(simple.layers()[0].attrs.number("alpha"), -2);
  EXPECT_EQ(simple.layers()[0].attrs.number("beta"), -6);
}

TEST(SimplifyArithmetic, Powers) {
  const auto power = [](float exponent) {
    Graph graph;
    const TensorId x = graph.add("Exp", "e", {graph.addInput("x", DataType::Float32, {5})});
    graph.markOutput(graph.add("Pow", "p", {x, number(graph, exponent)}));
    return ops(after(graph, "simplify-arithmetic"));
  };
  EXPECT_EQ(power(2), "Exp Mul");
  EXPECT_EQ(power(0.5f), "Exp Sqrt");
  EXPECT_EQ(power(-1), "Exp Reciprocal");
  EXPECT_EQ(power(1.7f), "Exp Power");
}

TEST(SimplifyArithmetic, HardSigmoid) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {2, 3});
  x = graph.add("Clip", "c", {graph.add("Add", "a", {x, number(graph, 3)})}, {{"alpha", 0.0}, {"beta", 6.0}});
  graph.markOutput(graph.add("Div", "d", {x, number(graph, 6)}));
  EXPECT_EQ(ops(recognised(graph)), "HardSigmoid");

  Graph other;  // runs from 0 to 1.2
  x = other.addInput("x", DataType::Float32, {2, 3});
  x = other.add("Clip", "c", {other.add("Add", "a", {x, number(other, 3)})}, {{"alpha", 0.0}, {"beta", 6.0}});
  other.markOutput(other.add("Div", "d", {x, number(other, 5)}));
  EXPECT_EQ(ops(recognised(other)), "Affine Clip Affine");
}

using Build = TensorId (*)(Graph&, TensorId);
struct WrittenOut {
  const char* op;
  Build build;
};

TensorId erfGate(Graph& g, TensorId x) {
  const TensorId e = g.add("Erf", "erf", {g.add("Div", "d", {x, number(g, 1.41421356f)})});
  return g.add("Add", "one", {e, number(g, 1)});
}
TensorId tanhGate(Graph& g, TensorId x, bool power) {
  const TensorId cube =
      power ? g.add("Pow", "c", {x, number(g, 3)}) : g.add("Mul", "c", {x, g.add("Mul", "s", {x, x})});
  const TensorId sum = g.add("Add", "s", {x, g.add("Mul", "k", {cube, number(g, 0.044715f)})});
  return g.add("Add", "one",
               {g.add("Tanh", "t", {g.add("Mul", "m", {sum, number(g, 0.7978845608f)})}), number(g, 1)});
}

TEST(RecogniseActivations, EveryFormExportersWrite) {
  const WrittenOut cases[] = {
      {"Silu",
       [](Graph& g, TensorId x) {
         return g.add("Mul", "m", {x, g.add("Sigmoid", "s", {x})});
       }},
      {"Silu",
       [](Graph& g, TensorId x) {
         return g.add("Mul", "m", {g.add("Sigmoid", "s", {x}), x});
       }},
      {"HardSwish",
       [](Graph& g, TensorId x) {
         return g.add("Mul", "m", {x, g.add("HardSigmoid", "s", {x}, {{"alpha", 1 / 6.0}, {"beta", 0.5}})});
       }},
      {"HardSwish",  // x * relu6(x + 3) / 6
       [](Graph& g, TensorId x) {
         const TensorId c =
             g.add("Clip", "c", {g.add("Add", "a", {x, number(g, 3)})}, {{"alpha", 0.0}, {"beta", 6.0}});
         return g.add("Div", "d", {g.add("Mul", "m", {x, c}), number(g, 6)});
       }},
      {"HardSwish",  // x * (relu6(x + 3) / 6)
       [](Graph& g, TensorId x) {
         const TensorId c =
             g.add("Clip", "c", {g.add("Add", "a", {x, number(g, 3)})}, {{"alpha", 0.0}, {"beta", 6.0}});
         return g.add("Mul", "m", {x, g.add("Div", "d", {c, number(g, 6)})});
       }},
      {"Mish",
       [](Graph& g, TensorId x) {
         return g.add("Mul", "m", {x, g.add("Tanh", "t", {g.add("Softplus", "s", {x})})});
       }},
      {"Gelu",
       [](Graph& g, TensorId x) {
         return g.add("Mul", "h", {g.add("Mul", "m", {x, erfGate(g, x)}), number(g, 0.5f)});
       }},
      {"Gelu",
       [](Graph& g, TensorId x) {
         return g.add("Mul", "m", {g.add("Mul", "h", {x, number(g, 0.5f)}), erfGate(g, x)});
       }},
      {"Gelu",
       [](Graph& g, TensorId x) {
         return g.add("Mul", "m", {x, g.add("Mul", "h", {number(g, 0.5f), erfGate(g, x)})});
       }},
      {"GeluTanh",
       [](Graph& g, TensorId x) {
         return g.add("Mul", "h", {number(g, 0.5f), g.add("Mul", "m", {x, tanhGate(g, x, true)})});
       }},
      {"GeluTanh",
       [](Graph& g, TensorId x) {
         return g.add("Mul", "m", {g.add("Mul", "h", {x, number(g, 0.5f)}), tanhGate(g, x, false)});
       }},
  };
  int index = 0;
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.op) + " case " + std::to_string(index++));
    Graph graph;
    const TensorId x = graph.add("Sin", "before", {graph.addInput("x", DataType::Float32, {4, 9})});
    graph.markOutput(graph.add("Cos", "after", {c.build(graph, x)}));
    EXPECT_EQ(ops(recognised(graph)), std::string("Sin ") + c.op + " Cos");
  }
}

TEST(RecogniseActivations, LookAlikesStay) {
  const Build cases[] = {
      [](Graph& g, TensorId x) {
        return g.add("Mul", "m", {x, g.add("Sigmoid", "s", {g.add("Exp", "e", {x})})});
      },
      [](Graph& g, TensorId x) {
        return g.add("Mul", "m", {x, g.add("HardSigmoid", "s", {x}, {{"alpha", 0.2}, {"beta", 0.5}})});
      },
      [](Graph& g, TensorId x) {
        return g.add("Mul", "m", {x, erfGate(g, x)});
      },  // twice a Gelu
      [](Graph& g, TensorId x) {
        return g.add("Mul", "m", {x, g.add("Mul", "h", {number(g, 0.7f), g.add("Erf", "e", {x})})});
      },
  };
  for (const auto& build : cases) {
    Graph graph;
    graph.markOutput(build(graph, graph.addInput("x", DataType::Float32, {4, 9})));
    const Graph kept = recognised(graph);
    for (const char* op : {"Silu", "HardSwish", "Gelu", "GeluTanh", "Mish"})
      EXPECT_EQ((" " + ops(kept) + " ").find(std::string(" ") + op + " "), std::string::npos) << ops(kept);
  }
}

TensorId mean(Graph& graph, const std::string& name, TensorId x, std::vector<std::int64_t> axes) {
  return graph.add("Reduce", name, {x},
                   {{"mode", std::string("mean")}, {"axes", axes}, {"keepdims", std::int64_t{1}}});
}

TensorId normalised(Graph& graph, TensorId x, const std::vector<std::int64_t>& axes, int form) {
  const TensorId d = graph.add("Sub", "d", {x, mean(graph, "mean", x, axes)});
  const TensorId square =
      form == 1 ? graph.add("Mul", "square", {d, d}) : graph.add("Pow", "square", {d, number(graph, 2)});
  const TensorId v = graph.add("Add", "v", {mean(graph, "var", square, axes), number(graph, 1e-3f)});
  if (form == 2) return graph.add("Mul", "y", {d, graph.add("Pow", "rs", {v, number(graph, -0.5f)})});
  const TensorId s = graph.add("Sqrt", "s", {v});
  if (form == 3) return graph.add("Mul", "y", {graph.add("Reciprocal", "r", {s}), d});
  return graph.add("Div", "y", {d, s});
}

TEST(RecogniseLayers, Normalisation) {
  for (int form = 0; form < 4; ++form) {
    SCOPED_TRACE(form);
    Graph layer;
    const TensorId x = layer.addInput("x", DataType::Float32, {2, 3, 8});
    TensorId y = normalised(layer, x, {2}, form);
    y = layer.add("Mul", "gamma", {y, constant(layer, "g", {8}, 1)});
    layer.markOutput(layer.add("Add", "beta", {constant(layer, "b", {1, 1, 8}, 2), y}));
    const Graph found = recognised(layer, 1e-4);
    ASSERT_EQ(ops(found), "LayerNorm");
    EXPECT_EQ(found.layers()[0].inputs.size(), 3u);

    Graph channels;  // over the channels: no LayerNorm
    const TensorId z = channels.addInput("x", DataType::Float32, {2, 3, 4, 4});
    channels.markOutput(channels.add(
        "Mul", "gamma", {normalised(channels, z, {1}, form), constant(channels, "g", {3, 1, 1}, 1)}));
    EXPECT_EQ(ops(recognised(channels, 1e-4)), "MeanVariance Mul");
  }
}

TEST(RecogniseLayers, NormalisationsOfOtherValuesStay) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {2, 3, 8}),
                 z = graph.addInput("z", DataType::Float32, {2, 3, 8});
  const TensorId d = graph.add("Sub", "d", {x, mean(graph, "mean", x, {2})});
  const TensorId e = graph.add("Sub", "e", {z, mean(graph, "mean2", z, {2})});
  const TensorId v = graph.add(
      "Add", "v", {mean(graph, "var", graph.add("Mul", "square", {e, e}), {2}), number(graph, 1e-3f)});
  graph.markOutput(graph.add("Div", "y", {d, graph.add("Sqrt", "s", {v})}));
  EXPECT_EQ(ops(recognised(graph)).find("MeanVariance"), std::string::npos);
}

TEST(RecogniseLayers, GlobalPooling) {
  for (const std::int64_t keepdims : {1, 0})
    for (const char* mode : {"mean", "max"}) {
      Graph graph;
      const TensorId x = graph.addInput("x", DataType::Float32, {2, 3, 4, 5});
      graph.markOutput(graph.add(
          "Reduce", "r", {x}, {{"mode", std::string(mode)}, {"axes", ints({2, 3})}, {"keepdims", keepdims}}));
      EXPECT_EQ(ops(after(graph, "recognise-layers")), keepdims ? "GlobalPool" : "GlobalPool Reshape");
    }
  Graph part;
  const TensorId x = part.addInput("x", DataType::Float32, {2, 3, 4, 5});
  part.markOutput(part.add("Reduce", "r", {x}, {{"mode", std::string("mean")}, {"axes", ints({3})}}));
  expectUntouched(part, "recognise-layers");
}

TEST(RecogniseLayers, ChannelShuffle) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {2, 6, 3, 4});
  x = graph.add("Reshape", "split", {x}, {{"shape", ints({2, 3, 2, 3, 4})}});
  x = graph.add("Transpose", "swap", {x}, {{"perm", ints({0, 2, 1, 3, 4})}});
  graph.markOutput(graph.add("Reshape", "merge", {x}, {{"shape", ints({2, 6, 3, 4})}}));
  const Graph found = recognised(graph);
  ASSERT_EQ(ops(found), "ChannelShuffle");
  EXPECT_EQ(found.layers()[0].attrs.integer("group"), 3);
}

TEST(RecogniseLayers, ChannelsDealtOut) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {2, 6, 3, 4});
  x = graph.add("Reshape", "split", {x}, {{"shape", ints({6, 2, 12})}});
  x = graph.add("Transpose", "swap", {x}, {{"perm", ints({1, 0, 2})}});
  x = graph.add("Reshape", "merge", {x}, {{"shape", ints({2, 2, 3, 3, 4})}});
  for (std::int64_t half : {0, 1}) {
    const TensorId which = graph.addConstant("which", HostTensor::of<std::int64_t>({}, {half}));
    graph.markOutput(
        graph.add("Gather", "pick" + std::to_string(half), {x, which}, {{"axis", std::int64_t{0}}}));
  }
  EXPECT_EQ(ops(recognised(graph)), "Slice Slice");
}

TEST(RecogniseLayers, ProductsWithAConstantMatrix) {
  Graph flat;
  TensorId x = flat.add("MatMul", "m",
                        {flat.addInput("x", DataType::Float32, {3, 4}), constant(flat, "w", {4, 5}, 1)});
  flat.markOutput(flat.add("Add", "b", {x, constant(flat, "b", {5}, 2)}));
  EXPECT_EQ(ops(recognised(flat)), "FullyConnected Add");

  Graph deep;
  x = deep.add("MatMul", "m",
               {deep.addInput("x", DataType::Float32, {2, 3, 4}), constant(deep, "w", {4, 5}, 1)});
  x = deep.add("Add", "b", {x, constant(deep, "b", {5}, 2)});
  deep.markOutput(deep.add("Relu", "r", {x}, {}, {"out"}));
  EXPECT_EQ(ops(recognised(deep)), "Reshape FullyConnected Add Relu Reshape");
  Graph whole = deep;
  optimize(whole);
  expectSame(deep, whole);
  EXPECT_EQ(ops(whole), "Reshape FullyConnected Reshape");

  Graph variable;
  x = variable.addInput("x", DataType::Float32, {2, 3, 4});
  variable.markOutput(variable.add("MatMul", "m", {x, variable.addInput("w", DataType::Float32, {4, 5})}));
  expectUntouched(variable, "recognise-layers");
}

}  // namespace
}  // namespace tessera
