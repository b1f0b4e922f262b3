// Who wins a race, with times that are made up: machines that are noisy, drift, or stall.
#include "build/race.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tessera {
namespace {

// Contestants with true times on a machine whose speed changes from run to run.
struct Machine {
  std::vector<double> times;  // milliseconds
  double noise = 0;           // deviation of a run, as a share
  double drift = 0;           // share by which each run is slower than the one before
  double period = 0;          // runs in which the speed swings by a third and back; 0: it does not
  int stalls = 0;             // one run in so many takes five times as long
  unsigned seed = 1;
  std::vector<int> runs = {};
  std::vector<std::size_t> order = {};

  Race race(const RaceLimits& limits = {}) {
    std::mt19937 random(seed);
    runs.assign(times.size(), 0);
    order.clear();
    return tessera::race(
        times.size(),
        [&](std::size_t i) {
          const double at = static_cast<double>(order.size());
          ++runs[i];
          order.push_back(i);
          double ms = times[i] * (1 + noise * std::normal_distribution<>()(random)) * std::pow(1 + drift, at);
          if (period > 0) ms *= 1 + 0.15 * std::sin(2 * M_PI * at / period);
          if (stalls > 0 && random() % static_cast<unsigned>(stalls) == 0) ms *= 5;
          return ms;
        },
        limits);
  }
};

TEST(Race, TheFastestWinsAndATieGoesToTheEarlier) {
  EXPECT_EQ((Machine{{30, 20, 25}}).race().winner, 1u);
  EXPECT_EQ((Machine{{20, 19.8, 19.7}}).race().winner, 0u) << "less than 2 % is no reason to change";
  EXPECT_EQ((Machine{{30, 20, 19.8}}).race().winner, 1u);
  EXPECT_EQ((Machine{{20}}).race().winner, 0u);
  const Race race = Machine{{30, 20, 25}}.race();
  ASSERT_EQ(race.milliseconds.size(), 3u);
  EXPECT_DOUBLE_EQ(race.milliseconds[2], 25);
}

TEST(Race, AMachineThatSlowsDownTreatsAllAlike) {
  for (const double drift : {0.05, 0.02, -0.01}) {
    EXPECT_EQ((Machine{{20, 20, 20}, 0, drift}).race({1e9, 2, 6}).winner, 0u) << drift;
    EXPECT_EQ((Machine{{20, 19.2, 20}, 0, drift}).race({1e9, 2, 6}).winner, 1u) << drift;
    EXPECT_EQ((Machine{{20, 20, 19.2}, 0, drift}).race({1e9, 2, 6}).winner, 2u) << drift;
  }
  // Swings whose period may have to do with the turns: one run's luck, not a whole race's.
  int changed = 0, swings = 0;
  for (double period = 3; period < 60; period += 0.5, ++swings) {
    changed += (Machine{{20, 20, 20}, 0, 0, period}).race({1e9, 2, 30}).winner != 0;
    EXPECT_EQ((Machine{{20, 22, 17}, 0, 0, period}).race({1e9, 2, 30}).winner, 2u) << period;
  }
  EXPECT_LE(changed, swings / 20);
}

TEST(Race, LuckSeldomChoosesAWorseOneAndNoiseSeldomHidesABetterOne) {
  int equal = 0, found = 0, worse = 0, soon = 0;
  constexpr int kRaces = 400;
  for (unsigned seed = 1; seed <= kRaces; ++seed) {
    equal += (Machine{{20, 20, 20, 20}, 0.08, 0, 0, 12, seed}).race().winner != 0;
    worse += (Machine{{20, 20.6, 20.6, 20.6}, 0.08, 0, 0, 12, seed}).race().winner != 0;
    found += (Machine{{20, 23, 18, 21}, 0.08, 0, 0, 12, seed}).race().winner == 2;
    // Few rounds, as networks that run for seconds get.
    soon += (Machine{{20, 21, 21, 21}, 0.05, 0, 0, 0, seed}).race({0, 2, 25}).winner != 0;
  }
  EXPECT_LT(equal, kRaces / 6) << "which costs nothing";
  EXPECT_LT(worse, kRaces / 40) << "3 % slower";
  EXPECT_GT(found, kRaces * 9 / 10);
  EXPECT_LT(soon, kRaces / 10);
}

TEST(Race, MoreRoundsDecideBetter) {
  int few = 0, many = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    few += (Machine{{20, 19, 20}, 0.1, 0, 0, 0, seed}).race({1e9, 2, 4}).winner == 1;
    many += (Machine{{20, 19, 20}, 0.1, 0, 0, 0, seed}).race({1e9, 4, 100}).winner == 1;
  }
  EXPECT_GT(many, 280);
  EXPECT_GT(many, few + 60);
}

TEST(Race, KeepsToItsTimeAndItsRounds) {
  Machine slow{{2000, 2000}};
  slow.race({6, 2, 25});
  EXPECT_EQ(slow.runs, (std::vector<int>{4, 4})) << "eight seconds a round: the least";
  slow.race({20, 2, 25});
  EXPECT_EQ(slow.runs, (std::vector<int>{6, 6})) << "no round begins after the time";
  Machine quick{{1, 1, 1}};
  quick.race({6, 2, 25});
  EXPECT_EQ(quick.runs, (std::vector<int>{50, 50, 50}));
}

TEST(Race, RoundsGoThereAndBackInOrdersOfTheirOwn) {
  Machine machine{{1, 1, 1}};
  machine.race({6, 2, 30});
  std::vector<int> first(3);
  for (std::size_t round = 0; round < 30; ++round) {
    const std::vector<std::size_t> there(&machine.order[6 * round], &machine.order[6 * round] + 3);
    const std::vector<std::size_t> back(&machine.order[6 * round] + 3, &machine.order[6 * round] + 6);
    EXPECT_EQ(there, std::vector<std::size_t>(back.rbegin(), back.rend()));
    ++first[there[0]];
  }
  for (const int times : first) EXPECT_GE(times, 5);
}

TEST(Race, WhatIsFarBehindDropsOut) {
  Machine machine{{40, 20, 20.1}, 0.01};
  EXPECT_EQ(machine.race().winner, 1u);
  EXPECT_EQ(machine.runs, (std::vector<int>{8, 50, 50}));
}

}  // namespace
}  // namespace tessera
