// Sums over a split k: the last work-group of a tile adds the parts to the same bits as a second kernel does,
// at every run, and leaves its counters at zero.
#include <gtest/gtest.h>

#include "launch/op_runner.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

// Three parts of small tiles; empty where the problem is too small for that.
Tactic splitTactic(const TacticSpace& space) {
  const Tactic tactic{{"M", 16}, {"N", 32},   {"K", 8},     {"WM", 4},  {"WN", 4},
                      {"VX", 1}, {"FLAT", 0}, {"SPLIT", 3}, {"SUM", 1}, {"ASYNC", 0}};
  return space.contains(tactic) ? tactic : Tactic();
}

class SplitSum : public testing::TestWithParam<const char*> {};

TEST_P(SplitSum, TheLastWorkGroupAddsAsASecondKernelDoes) {
  const KernelFamily& family = *findFamily(GetParam());
  for (const Device& device : test::devices()) {
    const DeviceCaps caps = device.int8Caps();
    if (!caps.fences) continue;
    int ran = 0, index = -1;
    for (const OpInstance& instance : family.samples()) {
      const auto cases = test::layoutCases(family, instance, caps, ++index);
      if (cases.empty()) continue;
      const test::SampleCase& c = cases.front();
      Tactic tactic = splitTactic(family.space(family.problem(c.view), caps));
      if (tactic.values().empty()) continue;
      OpRunner last(device, family, c.view, tactic, c.inputs, c.constants());
      tactic.set("SUM", 0);
      const auto expected = OpRunner(device, family, c.view, tactic, c.inputs, c.constants()).run();
      for (int run = 0; run < 5; ++run) {
        EXPECT_EQ(last.run(), expected) << c.view.text() << ", run " << run;
        EXPECT_EQ(last.damage(), "") << c.view.text();
      }
      ++ran;
    }
    EXPECT_GT(ran, 0) << family.id().text() << " split no sum on " << caps.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SplitSum, testing::Values("conv_gemm", "q_conv_gemm"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace tessera
