/// \file
/// Streams of frames through a segmentation.
#pragma once

#include <functional>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/progress.hpp"
#include "tessera/segmentation.hpp"

namespace tessera::app {

/// An image to segment, or why it could not be read.
struct Frame {
  std::string name;
  cv::Mat image;
  cv::Mat annotation;  ///< empty: none
  std::string error;
};

using FrameSource = std::function<std::optional<Frame>()>;
using FrameSink = std::function<void(Frame frame, SegmentedImage result)>;

struct FrameStatistics {
  std::size_t images = 0, failed = 0;
  std::vector<double> network;     ///< milliseconds of device time per batch
  std::vector<double> preprocess;  ///< and per image
  double seconds = 0;              ///< from the first image to the last result
};

/// Segments every frame, in order. Frames are read ahead on another thread; one batch is computed while the
/// next is uploaded. The first batch runs twice, since drivers finish their work at the first run.
FrameStatistics segmentFrames(Segmentation& segmentation, FrameSource source, const FrameSink& sink,
                              Progress& progress);

/// Wraps 8-bit pixels without copying.
cv::Mat wrap(std::vector<std::uint8_t>& pixels, std::int64_t height, std::int64_t width, int channels);

}  // namespace tessera::app
