// What pooling does on GPUs, run on whatever device there is: the window's numbers as constants, and codes
// compared two at a time.
#include <gtest/gtest.h>

#include "launch/op_runner.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/invented_device.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

// The family `pool` as it plans for another GPU.
class AsOnGpu final : public KernelFamily {
 public:
  FamilyId id() const override { return pool().id(); }
  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    return pool().applies(op, device);
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    DeviceCaps gpu = test::inventedGpu();
    gpu.nvidia = false;
    Launch launch = pool().plan(p, tactic, gpu);
    for (auto& [name, value] : launch.calls.at(0).defines)
      if (name == "D_MAX16") value = "2";
    return launch;
  }
  std::vector<OpInstance> samples() const override { return pool().samples(); }
  static const KernelFamily& pool() { return *findFamily("pool"); }
};

TEST(Pool, OfGpusComputesTheDefinition) {
  const AsOnGpu family;
  constexpr int kFloats = 3;
  int ran = 0, pairs = 0;
  for (const OpInstance& instance : test::instancesFor(AsOnGpu::pool())) {
    // Every case is a program of its own: codes in the layout whose pairs are compared, and some floats.
    const bool codes = instance.view.inputs[0].type == DataType::Int8;
    if (!codes && ran - pairs == kFloats) continue;
    const OpView view = withBlocks(instance.view, BlockChoice::uniform(instance.view, 16));
    if (!family.applies(view, test::device().caps())) continue;
    const auto inputs = test::fillInputs(instance, 1);
    const auto expected = test::referenceOutputs(instance.view, inputs);
    const Tactic tactic = AsOnGpu::pool().fallback(family.problem(view), test::inventedGpu());
    OpRunner runner(test::device(), family, view, tactic, inputs, std::vector<bool>(inputs.size(), false));
    const auto found = runner.run();
    EXPECT_EQ(runner.damage(), "") << view.text();
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_EQ(test::compare(found[i], expected[i], toleranceOf(view)), "") << view.text();
    ++ran;
    pairs += codes;
  }
  EXPECT_EQ(ran - pairs, kFloats);
  EXPECT_GT(pairs, 0);
}

}  // namespace
}  // namespace tessera
