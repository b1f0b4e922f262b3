// Every dot4 body the device can run gives the definition's values (the probe compares them), and one always
// works.
#include <gtest/gtest.h>

#include <algorithm>

#include "clkernels/common/dot4.hpp"
#include "tests/support/devices.hpp"

namespace tessera {
namespace {

TEST(Dot4, BodiesThatMayRunComputeTheDefinition) {
  for (const Device& device : test::devices()) {
    bool emulated = false;
    for (const auto& probe : device.dot4Probes()) {
      const bool notOffered = probe.why.rfind("not ", 0) == 0 || probe.why == "the extension is not reported";
      EXPECT_TRUE(probe.works || notOffered)
          << toString(probe.body) << " on " << device.caps().name << ": " << probe.why;
      if (probe.works) {
        EXPECT_GT(probe.gops, 0) << toString(probe.body);
      }
      emulated = emulated || (probe.body == Dot4Body::Emulated && probe.works);
    }
    EXPECT_TRUE(emulated) << device.caps().name;
    if (device.caps().avx512Vnni) {
      EXPECT_EQ(device.int8Caps().dot4, Dot4Body::Vnni);
    }
    const auto& probes = device.dot4Probes();
    const bool avx2 = std::any_of(probes.begin(), probes.end(),
                                  [](const auto& probe) { return probe.body == kDot4Avx2 && probe.works; });
    if (avx2 && !device.caps().avx512Vnni) {
      EXPECT_EQ(device.int8Caps().dot4, kDot4Avx2);
    }
    if (device.caps().nvidiaComputeCapability >= 61) {
      EXPECT_EQ(device.int8Caps().dot4, Dot4Body::NvidiaPtx);
    }
  }
}

}  // namespace
}  // namespace tessera
