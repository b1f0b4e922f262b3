// What programs are not compiled for.
#include <gtest/gtest.h>

#include "clkernels/family.hpp"
#include "ops/operator.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

// A network has many zero points, and calibration tries networks with others.
TEST(Programs, OfPlanarCodesAreTheSameForEveryZeroPoint) {
  const DeviceCaps caps = test::inventedCpu();
  int compared = 0;
  for (const KernelFamily* family : allFamilies()) {
    if (family->id().name != "q_conv_planar" && family->id().name != "q_deconv_planar") continue;
    for (const OpInstance& instance : test::instancesFor(*family)) {
      OpView op = instance.view;
      const auto programs = [&](std::int64_t zero) {
        op.attrs.set("x_zero", zero);
        const Problem problem = family->problem(op);
        return family->plan(problem, family->fallback(problem, caps), caps).calls.at(0).defines;
      };
      EXPECT_EQ(programs(-128), programs(17)) << family->id().name;
      EXPECT_EQ(programs(-128), programs(0)) << family->id().name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 10);
}

}  // namespace
}  // namespace tessera
