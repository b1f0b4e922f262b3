/// \file
/// How 8-bit images become a network's input.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tessera/attributes.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// How an image gets the extents of the network's input.
enum class ResizeMode {
  Linear,     ///< bilinear, half-pixel centres, edges repeated: cv::resize INTER_LINEAR on float pixels
  Nearest,    ///< the source pixel that holds the centre
  Letterbox,  ///< linear, aspect ratio kept, centred; the rest is `pad`
};
std::string_view toString(ResizeMode mode);         ///< "linear", "nearest", "letterbox"
ResizeMode parseResizeMode(std::string_view text);  ///< throws Error(InvalidArgument)

/// x = (resize(pixel) - mean) / std * scale, per channel.
struct ImagePreprocess {
  std::int64_t height = 0;                   ///< of the network's input, in pixels
  std::int64_t width = 0;                    ///< likewise
  ResizeMode resize = ResizeMode::Linear;    ///< see there
  bool rgb = false;                          ///< the network wants RGB; images are BGR
  std::array<double, 3> mean{0, 0, 0};       ///< in the network's channel order
  std::array<double, 3> deviation{1, 1, 1};  ///< std of the formula, in the network's channel order
  double scale = 1;                          ///< of the formula
  double pad = 114;                          ///< pixel value around a letterboxed image
  bool channelsLast = false;  ///< the network's input is height x width x 3, not 3 x height x width

  Attributes attributes() const;  ///< of the ImagePreprocess operator
};

/// 8-bit BGR pixels, rows dense; owned by the caller.
struct ImageView {
  const std::uint8_t* pixels = nullptr;  ///< height x width x 3
  std::int64_t height = 0;               ///< in pixels
  std::int64_t width = 0;                ///< in pixels
  /// Of all pixels.
  std::size_t bytes() const { return static_cast<std::size_t>(height * width * 3); }
};

/// Where the extents of a colour image lie in a network's input.
struct ImagePlace {
  std::int64_t height = 0;    ///< in pixels
  std::int64_t width = 0;     ///< in pixels
  bool channelsLast = false;  ///< N x height x width x 3, not N x 3 x height x width
};
/// Of N x 3 x height x width, or N x height x width x 3; none where the shape is neither. Where both would do
/// the channels come first.
std::optional<ImagePlace> imagePlaceOf(const Shape& shape);

/// Where a resized image lies inside the network's input: all of it, or the middle where letterboxed.
struct ImageRegion {
  std::int64_t top = 0;     ///< first row
  std::int64_t left = 0;    ///< first column
  std::int64_t height = 0;  ///< rows
  std::int64_t width = 0;   ///< columns
  bool operator==(const ImageRegion&) const = default;
};
/// Where an image of those extents goes in an input of those extents.
ImageRegion imageRegion(ResizeMode mode, std::int64_t inputHeight, std::int64_t inputWidth,
                        std::int64_t imageHeight, std::int64_t imageWidth);

}  // namespace tessera
