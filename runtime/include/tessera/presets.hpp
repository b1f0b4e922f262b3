/// \file
/// The usual exports of well-known networks: how images go in and what comes out.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tessera/detection.hpp"
#include "tessera/image.hpp"

namespace tessera {

/// One of them.
struct Preset {
  std::string_view name;       ///< "yolov8", ..
  std::string_view what;       ///< which networks
  ImagePreprocess preprocess;  ///< height and width 0: the network's own
  DetectionOptions detection;  ///< no formats: the network is for classification
  std::string_view labels;     ///< names of its classes: "coco", or names with commas; empty: not known

  bool classifies() const { return detection.formats.empty(); }  ///< else it detects
};

/// All of them.
std::span<const Preset> presets();
/// Throws Error(InvalidArgument) that lists the names.
const Preset& presetOf(std::string_view name);

}  // namespace tessera
