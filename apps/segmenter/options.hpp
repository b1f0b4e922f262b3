/// \file
/// What the segmenter is asked to do.
#pragma once

#include <string>
#include <vector>

#include "apps/common/freeze.hpp"
#include "apps/common/int8_options.hpp"
#include "apps/common/program.hpp"

namespace tessera::app {

struct SegmenterOptions {
  CommonOptions common;
  Int8Arguments int8;
  FreezeArguments freeze;
  std::string model, preprocess;
  std::vector<std::string> images, videos;
  std::string out, annotations, labels, confusion;
  std::int64_t maxBatch = 1;
  double opacity = 0.55;
  bool legend = false;
  bool networkSize = false;  ///< class maps at the network's resolution, not the image's
};

}  // namespace tessera::app
