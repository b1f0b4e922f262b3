/// \file
/// Images resized in double, as ImagePreprocess defines it.
#pragma once

#include <span>
#include <vector>

#include "ops/image.hpp"

namespace tessera {

/// The blue, green and red of all pixels, 0 to 255, dense: [height * width * 3].
std::vector<double> bgrOf(std::span<const std::uint8_t> x, const ImageSource& source);

/// Whether an image becomes half of its height and width.
inline bool isHalved(std::int64_t height, std::int64_t width, const ImageRegion& region) {
  return height == 2 * region.height && width == 2 * region.width;
}

/// What a pixel of one axis is made of: source pixels from `first` on, with weights that sum up to 1.
struct ResampleTaps {
  std::int64_t first = 0;
  std::vector<double> weights;
};

/// Resized lines of one of the three channels of an image, without mean and scale.
class Resampler {
 public:
  /// `pixels`: of bgrOf(), which must outlive it.
  Resampler(std::span<const double> pixels, std::int64_t height, std::int64_t width,
            const ImageRegion& region, const ImagePreprocess& how);
  /// region.width values, until the next line is asked for.
  std::span<const double> line(std::int64_t row, std::int64_t channel);

 private:
  /// The line as it is, or in whole numbers where that was asked for.
  std::span<const double> roundedLine();

  std::span<const double> pixels_;
  std::int64_t height_, width_;
  ImageRegion region_;
  ResizeMode mode_;
  bool pairs_ = false, rounded_, same_;
  std::vector<ResampleTaps> columns_;
  std::vector<double> line_;
};

}  // namespace tessera
