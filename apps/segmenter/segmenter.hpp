/// \file
/// The segmenter's work, from options to files and a result.
#pragma once

#include "apps/segmenter/options.hpp"

namespace tessera::app {

/// Returns an exit code; throws Error where nothing could be done.
int runSegmenter(const SegmenterOptions& options);

}  // namespace tessera::app
