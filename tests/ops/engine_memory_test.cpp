// What an engine says it takes, and what stands on the device.
#include <gtest/gtest.h>

#include "tessera/context.hpp"
#include "tests/support/devices.hpp"

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

}  // namespace
}  // namespace tessera
