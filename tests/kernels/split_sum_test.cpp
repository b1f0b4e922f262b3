// Sums over a split k: the last work-group of a tile adds the parts to the same bits as a second kernel does,
// at every run, and leaves its counters at zero.
#include <gtest/gtest.h>

#include <algorithm>

#include "exec/op_runner.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

// A member of the space with `split` parts of small tiles; empty where there is none.
Tactic splitTactic(const TacticSpace& space, int split) {
  const auto offers = [&](std::string_view name, int value) {
    for (const auto& p : space.parameters)
      if (p.name == name) return std::count(p.values.begin(), p.values.end(), value) > 0;
    return false;
  };
  if (!offers("SUM", 1) || !offers("SPLIT", split)) return {};
  const Tactic tactic{{"M", 16}, {"N", 32},   {"K", 8},         {"WM", 4},  {"WN", 4},
                      {"VX", 1}, {"FLAT", 0}, {"SPLIT", split}, {"SUM", 0}, {"ASYNC", 0}};
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
      for (const int split : {2, 3, 8}) {
        Tactic tactic = splitTactic(family.space(family.problem(c.view), caps), split);
        if (tactic.values().empty()) continue;
        OpRunner two(device, family, c.view, tactic, c.inputs, c.constants());
        const auto expected = two.run();
        tactic.set("SUM", 1);
        OpRunner one(device, family, c.view, tactic, c.inputs, c.constants());
        for (int run = 0; run < 5; ++run) {
          EXPECT_EQ(one.run(), expected) << c.view.text() << " split " << split << ", run " << run;
          EXPECT_EQ(one.damage(), "") << c.view.text();
        }
        ++ran;
      }
    }
    EXPECT_GT(ran, 0) << family.id().text() << " split no sum on " << caps.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SplitSum, testing::Values("conv_gemm", "q_conv_gemm"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace tessera
