// Random graphs on the devices against the host's references: passes, lowering, views, shared concats, memory
// plan.
#include "tests/passes/random_graph.hpp"
#include "tessera/context.hpp"
#include "tests/support/devices.hpp"

namespace tessera {
namespace {

using namespace test;

class RandomGraphs : public testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomGraphs, ComputeOnDevicesWhatTheHostComputes) {
  const RandomGraph random(GetParam());
  TensorMap inputs;
  for (TensorId id : random.graph.inputs()) {
    const auto& t = random.graph.tensor(id);
    inputs[t.name] = randomTensor(t.shape, GetParam() + static_cast<std::uint32_t>(id), -3, 3);
  }
  const auto wanted = evaluate(random.graph, inputs);
  for (const Device& device : devices()) {
    SCOPED_TRACE(device.caps().name);
    const auto engine = Engine::build(random.graph, device);
    Context context(engine);
    const TensorMap got = context.run(inputs);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const HostTensor& y = got.at(random.graph.tensor(random.graph.outputs()[i]).name);
      ASSERT_EQ(y.shape, wanted[i].shape);
      double scale = 1;
      for (std::int64_t k = 0; k < y.size(); ++k) scale = std::max(scale, std::abs(wanted[i].number(k)));
      for (std::int64_t k = 0; k < y.size(); ++k)
        ASSERT_NEAR(wanted[i].number(k), y.number(k), 2e-4 * scale)
            << "output " << i << " element " << k << "\n"
            << random.graph.text() << engine->text();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGraphs, testing::Range(0u, 24u));

}  // namespace
}  // namespace tessera
