/// \file
/// What the detector is asked to do.
#pragma once

#include <optional>
#include <string>

#include "apps/common/image_program.hpp"

namespace tessera::app {

struct DetectorOptions : ImageOptions {
  std::string annotations, cocoResults, suppression;
  std::optional<double> threshold, overlap;
  std::optional<int> most;
  bool classAgnostic = false;
};

}  // namespace tessera::app
