/// \file
/// Whole networks timed against each other.
#pragma once

#include <memory>
#include <vector>

#include "tessera/engine.hpp"

namespace tessera {

struct Race {
  std::size_t winner = 0;            ///< the fastest; an earlier one where a later is hardly faster
  std::vector<double> milliseconds;  ///< of a run, per engine; not measured where there is only one
};

/// Runs engines on one device in turns for some seconds, so that what else the machine does hits all of them
/// alike.
Race race(const std::vector<std::shared_ptr<Engine>>& engines);

}  // namespace tessera
