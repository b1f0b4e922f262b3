#include "exec/race.hpp"

#include <algorithm>
#include <chrono>

#include "tessera/context.hpp"
#include "tessera/log.hpp"
#include "tune/search.hpp"

namespace tessera {

Race race(const std::vector<std::shared_ptr<Engine>>& engines) {
  using Clock = std::chrono::steady_clock;
  constexpr double kSeconds = 6, kClose = 0.98;
  if (engines.size() == 1) return {0, {1}};
  std::vector<Context> contexts;
  for (const auto& engine : engines) contexts.emplace_back(engine).execute();
  std::vector<std::vector<double>> times(engines.size());
  const auto begin = Clock::now();
  const auto secondsSince = [](Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
  };
  for (int round = 0; round < 50 && (round < 3 || secondsSince(begin) < kSeconds); ++round)
    for (std::size_t i = 0; i < contexts.size(); ++i) {
      const auto start = Clock::now();
      contexts[i].execute();
      times[i].push_back(secondsSince(start) * 1e3);
    }
  // Compared round by round: a machine that slows down for a while slows all of a round.
  const auto ratio = [&](std::size_t i, std::size_t to) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < times[i].size(); ++round)
      ratios.push_back(times[i][round] / times[to][round]);
    std::nth_element(ratios.begin(), ratios.begin() + ratios.size() / 2, ratios.end());
    return ratios[ratios.size() / 2];
  };
  Race result;
  for (std::size_t i = 1; i < times.size(); ++i)
    if (ratio(i, result.winner) < kClose) result.winner = i;
  for (std::size_t i = 0; i < times.size(); ++i) {
    result.milliseconds.push_back(typicalTime(times[i]));
    log().debug("variant {}: {:.3f} ms{}", i, result.milliseconds[i], i == result.winner ? ", taken" : "");
  }
  return result;
}

}  // namespace tessera
