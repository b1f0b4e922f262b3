/// \file
/// Whole networks timed against each other.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tessera/engine.hpp"

namespace tessera {

struct RaceLimits {
  double seconds = 6;  ///< of running; no round begins after
  std::size_t leastRounds = 2, mostRounds = 25;
  double close = 0.98;  ///< of an earlier one's time: not worth a change
};
/// As many rounds as there is time for: a small network runs some hundred times, so that little differences
/// show.
inline RaceLimits raceLimits(TuneMode mode, double seconds) {
  return {seconds, 2, mode == TuneMode::Full ? std::size_t{400} : std::size_t{200}};
}

struct Race {
  std::size_t winner = 0;            ///< the fastest; the earlier of two whose difference noise would explain
  std::vector<double> milliseconds;  ///< of a run, per contestant; not measured where there is only one
};

/// Lets contestants run in turns; `run(i)` runs one and returns its milliseconds. In a round each runs twice,
/// there and back (2 0 1 1 0 2), in an order drawn anew for every round: a machine that gets slower or faster
/// meanwhile, or swings, treats all of them alike. Those that are far behind drop out.
Race race(std::size_t contestants, const std::function<double(std::size_t)>& run, const RaceLimits& limits);

/// Engines on one device.
Race race(const std::vector<std::shared_ptr<Engine>>& engines, const RaceLimits& limits);

}  // namespace tessera
