// Values that do not fill their shape are refused by name wherever they enter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/evaluate.hpp"
#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/refusal.hpp"

namespace tessera {
namespace {

using test::refusal;

TEST(HostTensors, ThatDoNotFillTheirShapeAreNoInputs) {
  Graph graph;
  const TensorId x = graph.addInput("image", DataType::Float32, {2, 4});
  graph.markOutput(graph.add("Neg", "y", {x}));
  Context context(Engine::build(graph, test::device(), {}));
  HostTensor value = HostTensor::of<float>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  context.run({{"image", value}});
  for (const std::size_t bytes : {0, 16, 31, 36}) {
    HostTensor wrong = value;
    wrong.data.resize(bytes);
    const auto named = testing::AllOf(testing::HasSubstr("'image'"), testing::HasSubstr("32 bytes"));
    EXPECT_THAT(refusal([&] { context.run({{"image", wrong}}); }), named) << bytes;
    EXPECT_THAT(refusal([&] { context.start({{"image", wrong}}); }), named) << bytes;
    EXPECT_THAT(refusal([&] { context.upload("image", wrong); }), named) << bytes;
    EXPECT_THAT(refusal([&] { evaluate(graph, {{"image", wrong}}); }), named) << bytes;
  }
  EXPECT_EQ(context.run({{"image", value}}).at("y").number(7), -8);
}

TEST(HostTensors, ViewsAreKeptAsLongAsTheyAreLookedAt) {
  auto values = std::make_shared<std::vector<float>>(8 * 8);
  for (std::size_t i = 0; i < values->size(); ++i) (*values)[i] = static_cast<float>(i % 7) - 3;
  const std::weak_ptr<const void> kept = values;
  const auto engineOf = [](HostTensor weights) {
    Graph graph;
    const TensorId x = graph.addInput("x", DataType::Float32, {1, 8});
    graph.markOutput(graph.add("FullyConnected", "fc",
                               {x, graph.addConstant("w", std::move(weights)), kNoTensor}, {}, {"y"}));
    EngineOptions options;
    options.tuning.mode = TuneMode::Off;
    return Engine::build(std::move(graph), test::device(), options);
  };
  const TensorMap inputs{{"x", HostTensor::of<float>({1, 8}, {1, 2, 3, 4, 5, 6, 7, 8})}};
  const HostTensor expected = Context(engineOf(HostTensor::of<float>({8, 8}, *values))).run(inputs).at("y");
  {
    const auto engine = engineOf(HostTensor::view<float>({8, 8}, *values, values));
    values.reset();
    EXPECT_EQ(Context(engine).run(inputs).at("y"), expected);
    EXPECT_FALSE(kept.expired()) << "the engine's graph looks at them";
  }
  EXPECT_TRUE(kept.expired());
}

}  // namespace
}  // namespace tessera
