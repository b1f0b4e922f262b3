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
  std::string file;  ///< for messages
  cv::Mat image;
  cv::Mat annotation;  ///< empty: none
  std::string error;
};

using FrameSource = std::function<std::optional<Frame>()>;
using FrameSink = std::function<void(Frame frame, SegmentedImage result)>;

struct FrameStatistics {
  std::size_t images = 0;
  std::size_t failed = 0;          ///< could not be read, or were too much for the device
  std::vector<double> network;     ///< milliseconds of device time per batch
  std::vector<double> preprocess;  ///< and per image
  double seconds = 0;              ///< from the first image to the last result
};

/// Segments every frame, in order. Frames are read ahead on another thread; one batch is computed while the
/// next is uploaded. The first batch runs twice, since drivers finish their work at the first run. A frame
/// that can not be read, or that the device can not take, is logged, counted and left out.
FrameStatistics segmentFrames(Segmentation& segmentation, FrameSource source, const FrameSink& sink,
                              Progress& progress);

/// The classes as an image: 8-bit where the network has at most 256 and `wide` is empty, else 16-bit; of
/// networks that leave the number open, 8-bit where no class is above 255.
cv::Mat classImage(std::vector<std::uint8_t>& classes, const std::vector<std::int32_t>& wide,
                   std::int64_t height, std::int64_t width, bool numberOpen);

/// Wraps 8-bit pixels without copying.
cv::Mat wrap(std::vector<std::uint8_t>& pixels, std::int64_t height, std::int64_t width, int channels);

}  // namespace tessera::app
