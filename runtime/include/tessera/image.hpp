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

enum class ResizeMode {
  Linear,     ///< bilinear, half-pixel centres, edges repeated: cv::resize INTER_LINEAR on float pixels
  Nearest,    ///< the source pixel that holds the centre
  Letterbox,  ///< linear, aspect ratio kept, centred; the rest is `pad`
};
std::string_view toString(ResizeMode mode);
ResizeMode parseResizeMode(std::string_view text);  ///< throws Error(InvalidArgument)

/// x = (resize(pixel) - mean) / std * scale, per channel.
struct ImagePreprocess {
  std::int64_t height = 0, width = 0;  ///< of the network's input
  ResizeMode resize = ResizeMode::Linear;
  bool rgb = false;                                         ///< the network wants RGB; images are BGR
  std::array<double, 3> mean{0, 0, 0}, deviation{1, 1, 1};  ///< in the network's channel order
  double scale = 1;
  double pad = 114;           ///< pixel value around a letterboxed image
  bool channelsLast = false;  ///< the network's input is height x width x 3, not 3 x height x width

  Attributes attributes() const;  ///< of the ImagePreprocess operator
};

/// 8-bit BGR pixels, rows dense; owned by the caller.
struct ImageView {
  const std::uint8_t* pixels = nullptr;
  std::int64_t height = 0, width = 0;
  std::size_t bytes() const { return static_cast<std::size_t>(height * width * 3); }
};

/// Where the extents of a colour image lie in a network's input.
struct ImagePlace {
  std::int64_t height = 0, width = 0;
  bool channelsLast = false;
};
/// Of N x 3 x height x width, or N x height x width x 3; none where the shape is neither. Where both would do
/// the channels come first.
std::optional<ImagePlace> imagePlaceOf(const Shape& shape);

/// Where a resized image lies inside the network's input: all of it, or the middle where letterboxed.
struct ImageRegion {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
  bool operator==(const ImageRegion&) const = default;
};
ImageRegion imageRegion(ResizeMode mode, std::int64_t inputHeight, std::int64_t inputWidth,
                        std::int64_t imageHeight, std::int64_t imageWidth);

}  // namespace tessera
