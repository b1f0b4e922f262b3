/// \file
/// The detector.
#pragma once

#include "apps/detector/options.hpp"

namespace tessera::app {

/// Returns an exit code.
int runDetector(const DetectorOptions& options);

}  // namespace tessera::app
