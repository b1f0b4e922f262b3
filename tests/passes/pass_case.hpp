/// \file
/// What pass tests share: small graphs, running one pass or group, comparing what a graph computes before and
/// after.
#pragma once

#include <gtest/gtest.h>

#include <random>

#include "graph/evaluate.hpp"
#include "tessera/passes.hpp"

namespace tessera::test {

inline HostTensor randomTensor(const Shape& shape, std::uint32_t seed, float low = -1, float high = 1) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  HostTensor tensor(DataType::Float32, shape);
  for (auto& value : tensor.as<float>()) value = uniform(engine);
  return tensor;
}

inline HostTensor filled(const Shape& shape, float value) {
  HostTensor tensor(DataType::Float32, shape);
  for (auto& element : tensor.as<float>()) element = value;
  return tensor;
}

/// Operators in order, e.g. "Convolution Relu".
inline std::string ops(const Graph& graph) {
  std::string names;
  for (const auto& layer : graph.layers()) names += (names.empty() ? "" : " ") + layer.op;
  return names;
}

inline const Layer& only(const Graph& graph, const std::string& op) {
  const Layer* found = nullptr;
  for (const auto& layer : graph.layers())
    if (layer.op == op) {
      EXPECT_EQ(found, nullptr) << "more than one " << op << "\n" << graph.text();
      found = &layer;
    }
  if (!found) throw Error(ErrorCode::Internal, "there is no " + op + " in\n" + graph.text());
  return *found;
}

/// Both graphs have the same outputs (names, types, shapes) and compute the same from random inputs.
inline void expectSame(const Graph& before, const Graph& after, double tolerance = 1e-5,
                       std::initializer_list<std::uint32_t> seeds = {1, 2}) {
  ASSERT_EQ(before.outputs().size(), after.outputs().size());
  for (std::size_t i = 0; i < before.outputs().size(); ++i) {
    const auto &a = before.tensor(before.outputs()[i]), &b = after.tensor(after.outputs()[i]);
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.desc().text(), b.desc().text());
  }
  for (std::uint32_t seed : seeds) {
    std::map<std::string, HostTensor> inputs;
    for (TensorId id : before.inputs()) {
      const auto& t = before.tensor(id);
      inputs[t.name] = randomTensor(t.shape, seed * 100 + static_cast<std::uint32_t>(id), -3, 3);
    }
    const auto wanted = evaluate(before, inputs), got = evaluate(after, inputs);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      double scale = 1;
      for (std::int64_t k = 0; k < wanted[i].size(); ++k)
        scale = std::max(scale, std::abs(wanted[i].number(k)));
      for (std::int64_t k = 0; k < wanted[i].size(); ++k)
        ASSERT_NEAR(wanted[i].number(k), got[i].number(k), tolerance * scale)
            << "output " << i << " element " << k << "\nbefore:\n"
            << before.text() << "after:\n"
            << after.text();
    }
  }
}

/// All passes for even seeds; for odd ones about a third of them is disabled.
inline PassOptions somePasses(std::uint32_t seed) {
  PassOptions options;
  std::mt19937 engine(seed);
  if (seed % 2)
    for (const Pass& pass : allPasses())
      if (engine() % 3 == 0) options.disabled.insert(std::string(pass.name));
  return options;
}

/// Optimises a copy, checks that it computes the same, and gives it.
inline Graph optimisedAlike(const Graph& graph, const PassOptions& options, std::uint32_t seed) {
  Graph optimised = graph;
  try {
    optimize(optimised, options);
    expectSame(graph, optimised, 1e-4, {seed});
  } catch (const Error& e) {
    ADD_FAILURE() << e.what() << "\n" << graph.text();
  }
  return optimised;
}

inline bool runPass(Graph& graph, std::string_view name) {
  for (const Pass& pass : allPasses())
    if (pass.name == name) {
      const bool changed = pass.run(graph);
      graph.compact();
      graph.verify();
      return changed;
    }
  throw Error(ErrorCode::Internal, "there is no pass " + std::string(name));
}

/// Runs one pass on a copy, checks that the results agree, that a second run changes nothing, and gives the
/// copy.
inline Graph after(const Graph& graph, std::string_view pass, double tolerance = 1e-5) {
  Graph copy = graph;
  runPass(copy, pass);
  expectSame(graph, copy, tolerance);
  EXPECT_FALSE(runPass(copy, pass)) << "a second run changes more\n" << copy.text();
  return copy;
}

/// As after(), for a graph the pass must leave alone.
inline void expectUntouched(const Graph& graph, std::string_view pass) {
  Graph copy = graph;
  EXPECT_FALSE(runPass(copy, pass)) << copy.text();
  Graph compacted = graph;
  compacted.compact();
  EXPECT_EQ(compacted.text(), copy.text());
}

inline std::vector<std::int64_t> ints(std::initializer_list<std::int64_t> values) { return values; }

/// A convolution with random weights; `attrs` on top of pads that keep the size of a kernel x kernel window.
inline TensorId convolution(Graph& graph, const std::string& name, TensorId x, std::int64_t outputs,
                            std::int64_t kernel = 3, Attributes attrs = {}, bool bias = true) {
  const auto group = attrs.integer("group", 1);
  const auto seed = static_cast<std::uint32_t>(std::hash<std::string>{}(name));
  const auto pad = kernel / 2;
  if (!attrs.has("pads")) attrs.set("pads", ints({pad, pad, pad, pad}));
  std::vector<TensorId> inputs = {
      x, graph.addConstant(name + "/weights",
                           randomTensor({outputs, graph.tensor(x).shape[1] / group, kernel, kernel}, seed))};
  if (bias) inputs.push_back(graph.addConstant(name + "/bias", randomTensor({outputs}, seed + 1)));
  return graph.add("Convolution", name, inputs, attrs);
}

inline TensorId constant(Graph& graph, const std::string& name, const Shape& shape, std::uint32_t seed,
                         float low = -1, float high = 1) {
  return graph.addConstant(name, randomTensor(shape, seed, low, high));
}

}  // namespace tessera::test
