// Large networks: passes that look at every layer take time in proportion to them.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

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

/// Builds networks of many layers of one kind, one after another.
class LongChain {
 public:
  LongChain() { x_ = graph_.addInput("x", DataType::Float32, {1, 2, 4, 4}); }
  TensorId x() const { return x_; }
  TensorId constant(const Shape& shape) {
    return graph_.addConstant("c" + std::to_string(graph_.tensors().size()), filled(shape, 1.5f));
  }
  LongChain& then(const std::string& op, std::vector<TensorId> more = {}, Attributes attrs = {}) {
    more.insert(more.begin(), x_);
    x_ = graph_.add(op, "l" + std::to_string(graph_.layers().size()), std::move(more), std::move(attrs));
    return *this;
  }
  Graph done() {
    graph_.markOutput(x_);
    return std::move(graph_);
  }
  Graph& graph() { return graph_; }

 private:
  Graph graph_;
  TensorId x_;
};

using Kind = std::pair<const char*, void (*)(LongChain&)>;
using Values = std::vector<std::int64_t>;

/// What is repeated thousands of times; each has a pass that rewrites it.
const Kind kKinds[] = {
    {"sums and products with numbers",
     [](LongChain& c) { c.then("Add", {c.constant({1})}).then("Mul", {c.constant({1})}); }},
    {"powers and negatives", [](LongChain& c) { c.then("Pow", {c.constant({1})}).then("Neg"); }},
    {"gates",
     [](LongChain& c) {
       const TensorId x = c.x();
       c.then("Sigmoid").then("Mul", {x});
     }},
    {"convolutions, norms and activations",
     [](LongChain& c) {
       c.then("Convolution", {c.constant({2, 2, 1, 1})})
           .then("BatchNorm", {c.constant({2}), c.constant({2}), c.constant({2}), c.constant({2})})
           .then("Relu");
     }},
    {"residuals",
     [](LongChain& c) {
       const TensorId x = c.x();
       c.then("Convolution", {c.constant({2, 2, 1, 1})}).then("Add", {x});
     }},
    {"pads before convolutions",
     [](LongChain& c) {
       c.then("Pad", {}, {{"pads", Values{0, 0, 1, 1, 0, 0, 1, 1}}})
           .then("Convolution", {c.constant({2, 2, 3, 3})});
     }},
    {"transposes around functions",
     [](LongChain& c) {
       c.then("Transpose", {}, {{"perm", Values{0, 1, 3, 2}}}).then("Exp");
     }},
    {"reshapes",
     [](LongChain& c) {
       c.then("Reshape", {}, {{"shape", Values{1, 2, 16, 1}}})
           .then("Reshape", {}, {{"shape", Values{1, 2, 4, 4}}});
     }},
    {"reshapes around functions",
     [](LongChain& c) {
       c.then("Convolution", {c.constant({2, 2, 1, 1})})
           .then("Reshape", {}, {{"shape", Values{1, 32}}})
           .then("Exp")
           .then("Reshape", {}, {{"shape", Values{1, 2, 4, 4}}});
     }},
    {"identities", [](LongChain& c) { c.then("Identity").then("Identity"); }},
    {"pairs of codes",
     [](LongChain& c) {
       const TensorId s = c.constant({});
       c.then("Quantize", {s}, {{"to", std::string("i8")}}).then("Dequantize", {s});
     }},
};

/// How many times as long a network of kMany / 2 layers takes as one of an eighth of them. Processor time,
/// the least of some runs: other work on the machine and its speed cancel out.
template <class Build>
double growth(Build&& build) {
  const auto least = [&](int layers) {
    double best = 1e9;
    for (int run = 0; run < 2; ++run) {
      Graph graph = build(layers);
      const std::clock_t begun = std::clock();
      optimize(graph);
      best = std::min(best, static_cast<double>(std::clock() - begun));
    }
    return best;
  };
  return least(kMany / 2) / std::max(1.0, least(kMany / 16));
}

/// Time in proportion makes 8, in proportion to the square 64; large networks leave the processor's caches.
constexpr double kMostGrowth = 40;

TEST(ManyLayers, EveryKindTakesTimeInProportion) {
  for (const auto& [name, repeat] : kKinds) {
    const auto build = [repeat = repeat](int layers) {
      LongChain chain;
      while (chain.graph().layers().size() < static_cast<std::size_t>(layers)) repeat(chain);
      return chain.done();
    };
    EXPECT_LT(growth(build), kMostGrowth) << name;
  }
}

Graph nestedConcats(int layers) {
  Graph graph;
  const TensorId y = graph.addInput("y", DataType::Float32, {1, 1, 2, 2});
  const TensorId exp = graph.add("Exp", "e", {y});
  TensorId x = exp;
  for (int i = 0; i < layers; ++i) {
    const bool front = i % 2 == 0;
    x = graph.add("Concat", "k" + std::to_string(i), {front ? x : exp, front ? exp : x},
                  {{"axis", std::int64_t{1}}});
  }
  graph.markOutput(x);
  return graph;
}

TEST(ManyLayers, NestedConcatsBecomeOneInProportion) {
  EXPECT_LT(growth(nestedConcats), kMostGrowth);
  Graph graph = nestedConcats(kMany / 2);
  optimize(graph);
  EXPECT_EQ(ops(graph), "Exp Concat");
}

Graph siblings(int layers) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 2, 3, 3});
  for (int i = 0; i < layers; ++i) {
    const std::string name = std::to_string(i);
    const std::int64_t outputs = i % 3 == 0 ? 32 : 5;
    const TensorId weights = graph.addConstant("w" + name, filled({outputs, 2, 1, 1}, 0.5f));
    Attributes attrs{{"activation", std::string("LeakyRelu")}, {"alpha", i % 3 == 0 ? 0.5 : 1.0 + i}};
    graph.markOutput(
        graph.add("Sin", "s" + name, {graph.add("Convolution", "c" + name, {x, weights}, attrs)}));
  }
  return graph;
}

TEST(ManyLayers, SiblingsOfManyKindsMeetInProportion) {
  EXPECT_LT(growth(siblings), kMostGrowth);
  Graph graph = siblings(6000);
  optimize(graph);
  EXPECT_EQ(std::count_if(graph.layers().begin(), graph.layers().end(),
                          [](const Layer& layer) { return layer.op == "Convolution"; }),
            4000 + 2000 / 8);
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
