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

TEST(MemoryPlan, ScratchCountsApartFromActivations) {
  Lowered lowered;
  for (const std::size_t bytes : {4096u, 8192u, 2048u, 65536u}) {
    Storage storage;
    storage.bytes = bytes;
    lowered.storages.push_back(storage);
  }
  for (int i = 0; i < 3; ++i) lowered.values.push_back({"v", {}, i});
  Step first, second;
  first.inputs = {0}, first.outputs = {1}, first.scratch = {3};
  second.inputs = {1}, second.outputs = {2};
  lowered.steps = {first, second};
  DeviceCaps device;
  device.subBuffers = true;
  planMemory(lowered, device);
  EXPECT_EQ(lowered.activationBytes, 4096u + 8192u);
  EXPECT_EQ(lowered.arenaBytes, 4096u + 8192u + 65536u);
}

}  // namespace
}  // namespace tessera
