// The memory plan: what is alive together never overlaps, with an arena and with slots.
#include <gtest/gtest.h>

#include <random>

#include "lower/step.hpp"

namespace tessera {
namespace {

// A chain of steps, each reading a few earlier values.
Lowered randomChain(unsigned seed) {
  std::mt19937 random(seed);
  Lowered lowered;
  for (int i = 0; i < 40; ++i) {
    Storage storage;
    storage.bytes = 1 + random() % 5000;
    lowered.storages.push_back(storage);
    lowered.values.push_back({"v" + std::to_string(i), {}, i});
    if (i == 0) continue;
    Step step;
    for (int k = 0; k < 2; ++k)
      step.inputs.push_back(static_cast<int>(std::max(0, i - 1 - static_cast<int>(random() % 6))));
    step.outputs = {i};
    lowered.steps.push_back(step);
  }
  return lowered;
}

TEST(MemoryPlan, NothingAliveTogetherOverlaps) {
  for (const bool subBuffers : {true, false})
    for (unsigned seed = 1; seed < 20; ++seed) {
      Lowered lowered = randomChain(seed);
      DeviceCaps device;
      device.subBuffers = subBuffers;
      planMemory(lowered, device);
      std::size_t sum = 0;
      for (const Storage& a : lowered.storages) {
        sum += a.bytes;
        for (const Storage& b : lowered.storages) {
          if (&a == &b || a.firstStep > b.lastStep || b.firstStep > a.lastStep) continue;
          if (subBuffers)
            EXPECT_TRUE(a.arenaOffset + a.bytes <= b.arenaOffset || b.arenaOffset + b.bytes <= a.arenaOffset);
          else
            EXPECT_NE(a.slot, b.slot);
        }
        if (!subBuffers) {
          EXPECT_LE(a.bytes, lowered.slotBytes.at(a.slot));
        }
      }
      EXPECT_LT(lowered.arenaBytes, sum) << "memory is reused";
    }
}

}  // namespace
}  // namespace tessera
