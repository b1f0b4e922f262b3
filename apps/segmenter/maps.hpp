/// \file
/// Class maps as images.
#pragma once

#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <vector>

namespace tessera::app {

/// The classes as an image: 8-bit where the network has at most 256 and `wide` is empty, else 16-bit; of
/// networks that leave the number open, 8-bit where no class is above 255.
cv::Mat classImage(std::vector<std::uint8_t>& classes, const std::vector<std::int32_t>& wide,
                   std::int64_t height, std::int64_t width, bool numberOpen);

/// Wraps 8-bit pixels without copying.
cv::Mat wrap(std::vector<std::uint8_t>& pixels, std::int64_t height, std::int64_t width, int channels);

}  // namespace tessera::app
