// The roofline measures something plausible on every device, or says why not.
#include "launch/roofline.hpp"

#include <gtest/gtest.h>

#include "tests/support/devices.hpp"

namespace tessera {
namespace {

TEST(Roofline, EveryEntryIsMeasuredOrExplained) {
  const Device& device = test::devices().front();
  std::vector<std::string> announced;
  const auto table = measureRoofline(device, [&](const std::string& name) { announced.push_back(name); });
  EXPECT_EQ(announced.size() + 1, table.size());  // fp32 comes first, unannounced
  for (const RooflineEntry& entry : table) {
    EXPECT_NE(entry.value > 0, !entry.why.empty()) << entry.name << " " << entry.value << " " << entry.why;
    EXPECT_FALSE(entry.unit.empty());
  }
  EXPECT_EQ(table.front().name, "fp32 fma");
  EXPECT_EQ(table.back().name, "launch + finish");
  EXPECT_GE(table.back().value,
            table[table.size() - 2].value * 0.5);  // waiting does not make launches cheaper
}

}  // namespace
}  // namespace tessera
