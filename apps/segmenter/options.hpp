/// \file
/// What the segmenter is asked to do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/common/freeze.hpp"
#include "apps/common/int8_options.hpp"
#include "apps/common/program.hpp"
#include "apps/common/shapes.hpp"

namespace tessera::app {

struct SegmenterOptions {
  const CLI::App* app = nullptr;  ///< that the options were added to
  CommonOptions common;
  Int8Arguments int8;
  FreezeArguments freeze;
  ShapeArguments shapes;
  std::string model, preprocess, output;
  std::vector<std::string> images, videos;
  std::string out, annotations, labels, confusion;
  std::int64_t maxBatch = 1;
  std::optional<double> threshold;  ///< of a mask
  double opacity = 0.55;
  bool legend = false;
  bool networkSize = false;  ///< class maps at the network's resolution, not the image's
};

}  // namespace tessera::app
