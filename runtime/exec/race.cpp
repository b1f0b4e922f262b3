#include "exec/race.hpp"

#include <chrono>

#include "tessera/context.hpp"
#include "tessera/log.hpp"
#include "tune/search.hpp"

namespace tessera {

Race race(const std::vector<std::shared_ptr<Engine>>& engines) {
  using Clock = std::chrono::steady_clock;
  constexpr double kSeconds = 4, kClose = 0.99;
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
  Race result;
  for (std::size_t i = 0; i < times.size(); ++i) {
    result.milliseconds.push_back(typicalTime(std::move(times[i])));
    log().debug("variant {}: {:.3f} ms", i, result.milliseconds[i]);
    if (result.milliseconds[i] < result.milliseconds[result.winner] * kClose) result.winner = i;
  }
  return result;
}

}  // namespace tessera
