/// \file
/// What the segmenter is asked to do.
#pragma once

#include <optional>
#include <string>

#include "apps/common/image_program.hpp"

namespace tessera::app {

struct SegmenterOptions : ImageOptions {
  std::string output, annotations, confusion;
  std::optional<double> threshold;  ///< of a mask
  double opacity = 0.55;
  bool legend = false;
  bool networkSize = false;  ///< class maps at the network's resolution, not the image's
};

}  // namespace tessera::app
