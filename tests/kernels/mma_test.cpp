// Tensor cores and wgmma are used where they were probed, and nowhere else; what they are offered for.
#include <gtest/gtest.h>

#include "cl/device_impl.hpp"
#include "cl/mma_probe.hpp"
#include "cl/program.hpp"
#include "cl/ptx_target.hpp"
#include "clkernels/common/in_chains.hpp"
#include "clkernels/common/tensor_cores.hpp"
#include "launch/caps_for.hpp"
#include "lower/ways.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/invented_device.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

TensorDesc described(DataType type, Shape shape, bool constant = false) {
  TensorDesc t{type, std::move(shape), {}};
  t.constant = constant;
  return t;
}

OpView convolutionOf(DataType type, std::int64_t channels, std::int64_t size) {
  return {"Convolution",
          {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}},
          {described(type, {1, channels, size, size}), described(type, {channels, channels, 3, 3}, true)},
          {described(type, {1, channels, size, size})}};
}
OpView halfConvolution(std::int64_t channels, std::int64_t size) {
  return convolutionOf(DataType::Float16, channels, size);
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

TEST(Wgmma, IsProbedBeforeItIsUsed) {
  for (const Device& device : test::devices()) {
    const bool hopper = hasWgmma(device.caps());
    const std::string& why = device.impl().whyNoWgmma(device);
    EXPECT_EQ(why.empty(), hopper) << device.caps().name << ": " << why;
    EXPECT_EQ(hasWgmma(mmaCaps(device)), hopper) << device.caps().name;
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
  caps.nvidiaComputeCapability = kWgmmaCapability - 1;
  EXPECT_EQ(favourite(halfConvolution(256, 64), caps), "conv_mma");
  caps.nvidiaComputeCapability = kMmaCapability - 1;
  EXPECT_NE(favourite(halfConvolution(256, 64), caps), "conv_mma");
  EXPECT_NE(favourite(halfConvolution(256, 64), test::inventedCpu()), "conv_mma");
}

TEST(Wgmma, TakesLargeConvolutionsOnHopperAloneUntuned) {
  DeviceCaps caps = test::inventedGpu();
  EXPECT_EQ(favourite(halfConvolution(256, 64), caps), "conv_wgmma");
  // Small ones belong into one launch with their network.
  EXPECT_NE(favourite(halfConvolution(64, 14), caps), "conv_wgmma");
  caps.nvidiaComputeCapability = kWgmmaCapability + 10;
  EXPECT_EQ(favourite(halfConvolution(256, 64), caps), "conv_mma");
}

// Its kernel is compiled for a target that a chain's is not.
TEST(Wgmma, NamesItsTargetOnHopperOnly) {
  const KernelFamily& family = *findFamily("conv_wgmma");
  const OpView plain = halfConvolution(256, 64);
  const OpView op = withBlocks(plain, BlockChoice::uniform(plain, 16));
  for (const DeviceCaps& caps : {test::inventedGpu(), test::inventedCpu()}) {
    const Problem problem = family.problem(op);
    const Launch launch = family.plan(problem, family.fallback(problem, caps), caps);
    EXPECT_EQ(ptxTargetOf(ProgramSource::of(launch.calls.at(0)).options), hasWgmma(caps) ? "sm_90a" : "");
  }
}

// Networks in one launch are compiled for the plain target: no family whose kernel wants another one is
// offered there.
TEST(PtxTarget, KernelsForItAreNotOfferedInChains) {
  const DeviceCaps caps = test::inventedGpu();
  int found = 0;
  for (const KernelFamily* family : allFamilies())
    for (const OpInstance& instance : test::instancesFor(*family))
      for (const BlockChoice& choice : family->blockChoices(instance.view, caps)) {
        const OpView op = withBlocks(instance.view, choice);
        if (!family->applies(op, caps)) continue;
        const Problem problem = family->problem(op);
        for (const KernelCall& call : family->plan(problem, family->fallback(problem, caps), caps).calls)
          for (const auto& [name, value] : call.defines)
            if (name == kPtxTarget) {
              EXPECT_FALSE(offersInChains(*family, op)) << family->id().name;
              ++found;
            }
      }
  EXPECT_GT(found, 0);
}

// In f32 tensor cores take numbers as pairs of halves.
TEST(Pairs, TakeLargeConvolutionsOfFloatsOnHopperAloneUntuned) {
  const auto floats = [](std::int64_t channels, std::int64_t size) {
    return convolutionOf(DataType::Float32, channels, size);
  };
  DeviceCaps caps = test::inventedGpu();
  EXPECT_EQ(favourite(floats(256, 64), caps), "conv_pairs");
  EXPECT_NE(favourite(floats(64, 8), caps), "conv_pairs");
  caps.nvidiaComputeCapability = kWgmmaCapability - 1;
  EXPECT_NE(favourite(floats(256, 64), caps), "conv_pairs");
  EXPECT_NE(favourite(floats(256, 64), test::inventedCpu()), "conv_pairs");
}

std::optional<std::string> forTarget(std::string_view ptx, std::string_view target = "sm_90a") {
  return forPtxTarget({ptx.begin(), ptx.end()}, target);
}

TEST(PtxTarget, UncoversInstructionsAndNamesTheTarget) {
  const std::string ptx =
      "//\n// made by\n.version 9.0\n.target sm_90, texmode_independent\n\t//@ wgmma.x;\n//@ y; // z\n";
  EXPECT_EQ(forTarget(ptx + '\0'),
            "//\n// made by\n.version 9.0\n.target sm_90a, texmode_independent\n\twgmma.x;\ny; // z\n");
  EXPECT_EQ(forTarget(".version 9.0\n.target sm_90\n"), ".version 9.0\n.target sm_90a\n");
}

TEST(PtxTarget, RefusesWhatIsNotPtxForItsFamily) {
  for (const std::string_view other :
       {std::string_view(""),
        std::string_view("\x7f"
                         "ELF\0\1",
                         6),
        std::string_view(".version 9.0\n"), std::string_view("\n.target sm_100, texmode_independent\n"),
        std::string_view("\n.target sm_90a\n"), std::string_view("\n.target sm_90"),
        std::string_view("\n.target sm_90, a\n\0//@ b", 27)})
    EXPECT_EQ(forTarget(other), std::nullopt) << other;
}

TEST(Mma, EveryUntunedTacticIsAMemberOfItsSpace) {
  const DeviceCaps caps = test::inventedGpu();
  for (const auto& [name, type, block] :
       {std::tuple{"conv_mma", DataType::Float16, 16}, std::tuple{"conv_wgmma", DataType::Float16, 16},
        std::tuple{"conv_pairs", DataType::Float32, 1}}) {
    const KernelFamily& family = *findFamily(name);
    for (const std::int64_t channels : {1, 16, 40, 64, 512, 2048})
      for (const std::int64_t size : {1, 7, 14, 56, 300}) {
        const OpView plain = convolutionOf(type, channels, size);
        const OpView op = withBlocks(plain, BlockChoice::uniform(plain, block));
        ASSERT_TRUE(family.applies(op, caps)) << family.applies(op, caps).why;
        const Problem problem = family.problem(op);
        const Tactic tactic = family.fallback(problem, caps);
        EXPECT_EQ(family.space(problem, caps).whyNot(tactic), "") << op.text() << " " << tactic.text();
      }
  }
}

}  // namespace
}  // namespace tessera
