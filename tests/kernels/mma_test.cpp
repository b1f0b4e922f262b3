// Tensor cores are used where they were probed, and nowhere else; what they are offered for.
#include <gtest/gtest.h>

#include "cl/device_impl.hpp"
#include "cl/mma_probe.hpp"
#include "launch/caps_for.hpp"
#include "lower/ways.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/invented_device.hpp"

namespace tessera {
namespace {

TensorDesc described(DataType type, Shape shape, bool constant = false) {
  TensorDesc t{type, std::move(shape), {}};
  t.constant = constant;
  return t;
}

OpView halfConvolution(std::int64_t channels, std::int64_t size) {
  const auto half = DataType::Float16;
  return {"Convolution",
          {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}},
          {described(half, {1, channels, size, size}), described(half, {channels, channels, 3, 3}, true)},
          {described(half, {1, channels, size, size})}};
}

TEST(Mma, IsProbedBeforeItIsUsed) {
  for (const Device& device : test::devices()) {
    const bool newEnough = hasMma(device.caps());
    const std::string& why = device.impl().whyNoTensorCores(device);
    EXPECT_EQ(why.empty(), newEnough) << device.caps().name << ": " << why;
    EXPECT_EQ(hasMma(mmaCaps(device)), newEnough) << device.caps().name;
    EXPECT_EQ(hasMma(device.int8Caps()), newEnough) << device.caps().name;
    EXPECT_EQ(hasMma(capsFor(device, halfConvolution(16, 8))), newEnough) << device.caps().name;
  }
}

// The cheapest way to run an operator, by the cost model.
std::string favourite(const OpView& op, const DeviceCaps& caps) {
  std::vector<WayCost> costs;
  const std::vector<Way> ways = waysToRun(op, caps);
  for (const Way& way : ways) costs.push_back(way.cost);
  return std::string(ways.at(fastestWay(costs)).family->id().name);
}

TEST(Mma, TakesLargeConvolutionsInHalfUntuned) {
  DeviceCaps caps = test::inventedGpu();
  EXPECT_EQ(favourite(halfConvolution(256, 64), caps), "conv_mma");
  caps.nvidiaComputeCapability = kMmaCapability - 1;
  EXPECT_NE(favourite(halfConvolution(256, 64), caps), "conv_mma");
  EXPECT_NE(favourite(halfConvolution(256, 64), test::inventedCpu()), "conv_mma");
}

TEST(Mma, EveryUntunedTacticIsAMemberOfItsSpace) {
  const DeviceCaps caps = test::inventedGpu();
  const KernelFamily& family = *findFamily("conv_mma");
  for (const std::int64_t channels : {1, 16, 40, 64, 512, 2048})
    for (const std::int64_t size : {1, 7, 14, 56, 300}) {
      const OpView op = withBlocks(halfConvolution(channels, size),
                                   BlockChoice::uniform(halfConvolution(channels, size), 16));
      ASSERT_TRUE(family.applies(op, caps)) << family.applies(op, caps).why;
      const Problem problem = family.problem(op);
      const Tactic tactic = family.fallback(problem, caps);
      EXPECT_EQ(family.space(problem, caps).whyNot(tactic), "") << op.text() << " " << tactic.text();
    }
}

}  // namespace
}  // namespace tessera
