// What an engine says it takes, and what stands on the device.
#include <gtest/gtest.h>

#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/refusal.hpp"

namespace tessera {
namespace {

// A family may read weights as they are or pack them; either way they stand on the device once.
TEST(EngineMemory, HoldsWeightsOnce) {
  Graph graph;
  TensorId x = graph.addInput("x", DataType::Float32, {1, 64, 20, 20});
  std::size_t bytes = 0;
  for (const std::string name : {"a", "b", "c"}) {
    HostTensor weights(DataType::Float32, {64, 64, 3, 3});
    // Equal bytes would share one buffer.
    for (std::int64_t i = 0; i < weights.size(); ++i)
      weights.setNumber(i, 1e-3 * static_cast<double>((i + name[0]) % 17));
    bytes += weights.data.size();
    x = graph.add("Convolution", name, {x, graph.addConstant(name + ".w", weights)},
                  {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  }
  graph.markOutput(x);
  const auto engine = Engine::build(graph, test::device());
  EXPECT_GE(engine->memory().weights, bytes);
  EXPECT_LE(static_cast<double>(engine->memory().weights), 1.05 * static_cast<double>(bytes))
      << engine->text();
  Context(engine).run({{"x", HostTensor(DataType::Float32, {1, 64, 20, 20})}});
}

TEST(EngineMemory, KeepsToItsBudgetOrSaysWhatItTakes) {
  Graph graph;
  graph.name = "wide";
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 16, 32, 32});
  const HostTensor weights(DataType::Float32, {32, 16, 3, 3});
  graph.markOutput(graph.add("Convolution", "conv", {x, graph.addConstant("w", weights)},
                             {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}));
  EngineOptions options;
  options.tuning.mode = TuneMode::Off;
  const MemoryUse use = Engine::build(graph, test::device(), options)->memory();
  options.memoryBudget = use.weights + use.activations + use.bindings + use.workspace;
  EXPECT_NO_THROW(Engine::build(graph, test::device(), options));
  --options.memoryBudget;
  const std::string why =
      test::refusal([&] { Engine::build(graph, test::device(), options); }, ErrorCode::OutOfMemory);
  EXPECT_NE(why.find("'wide' needs"), std::string::npos) << why;
  EXPECT_NE(why.find("budget"), std::string::npos) << why;
}

}  // namespace
}  // namespace tessera
