// Class maps as images.
#include "apps/segmenter/maps.hpp"

#include <algorithm>

namespace tessera::app {

cv::Mat wrap(std::vector<std::uint8_t>& pixels, std::int64_t height, std::int64_t width, int channels) {
  return cv::Mat(static_cast<int>(height), static_cast<int>(width), CV_8UC(channels), pixels.data());
}

cv::Mat classImage(std::vector<std::uint8_t>& classes, const std::vector<std::int32_t>& wide,
                   std::int64_t height, std::int64_t width, bool numberOpen) {
  if (wide.empty()) return wrap(classes, height, width, 1);
  const bool bytes =
      numberOpen && std::all_of(wide.begin(), wide.end(), [](std::int32_t c) { return c < 256; });
  const cv::Mat stored(static_cast<int>(height), static_cast<int>(width), CV_32SC1,
                       const_cast<std::int32_t*>(wide.data()));
  cv::Mat image;
  stored.convertTo(image, bytes ? CV_8U : CV_16U);
  return image;
}

}  // namespace tessera::app
