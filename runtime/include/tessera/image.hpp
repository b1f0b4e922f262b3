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

/// How pixels of another resolution are found; half-pixel centres, edges repeated.
enum class ResizeMode {
  Linear,       ///< bilinear: cv::resize INTER_LINEAR on float pixels
  Nearest,      ///< the source pixel that holds the centre
  Area,         ///< mean of the area that the pixel covers: INTER_AREA where the image shrinks
  Antialiased,  ///< linear, over a window as wide as the pixel where the image shrinks (as PIL and
                ///< torchvision)
};
std::string_view toString(ResizeMode mode);         ///< "linear", "nearest", "area", "antialiased"
ResizeMode parseResizeMode(std::string_view text);  ///< throws Error(InvalidArgument)

/// How an image of one aspect ratio gets the extents of another.
enum class ImageFit {
  Stretch,           ///< aspect ratio given up
  Letterbox,         ///< kept, all of the image, centred; the rest is `pad`
  LetterboxTopLeft,  ///< likewise, at the upper left
  Crop,              ///< kept, the middle of the image
};
std::string_view toString(ImageFit fit);        ///< "stretch", "letterbox", "letterbox-top-left", "crop"
ImageFit parseImageFit(std::string_view text);  ///< throws Error(InvalidArgument)

/// The channels that a network wants.
enum class ChannelOrder {
  Bgr,   ///< blue, green, red
  Rgb,   ///< red, green, blue
  Grey,  ///< one: 0.299 red + 0.587 green + 0.114 blue
};
std::string_view toString(ChannelOrder order);          ///< "BGR", "RGB", "GREY"
ChannelOrder parseChannelOrder(std::string_view text);  ///< throws Error(InvalidArgument)

/// x = (resize(pixel) - mean) / std * scale, per channel.
struct ImagePreprocess {
  std::int64_t height = 0;                   ///< of the network's input, in pixels
  std::int64_t width = 0;                    ///< likewise
  ResizeMode resize = ResizeMode::Linear;    ///< see there
  ChannelOrder order = ChannelOrder::Bgr;    ///< of the network; images are BGR
  std::array<double, 3> mean{0, 0, 0};       ///< in the network's channel order; grey: the first
  std::array<double, 3> deviation{1, 1, 1};  ///< std of the formula, likewise
  double scale = 1;                          ///< of the formula
  double pad = 114;                          ///< pixel value around a letterboxed image
  bool channelsLast = false;                 ///< the input is height x width x channels, not channels first
  ImageFit fit = ImageFit::Stretch;          ///< see there
  double crop = 1;  ///< Crop: the part of the shorter side that stays, above 0 (224 / 256, say)

  /// That the network's input has.
  std::int64_t channels() const { return order == ChannelOrder::Grey ? 1 : 3; }
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

/// Where the extents of an image lie in a network's input.
struct ImagePlace {
  std::int64_t height = 0;    ///< in pixels
  std::int64_t width = 0;     ///< in pixels
  bool channelsLast = false;  ///< N x height x width x channels, not N x channels x height x width
};
/// Of N x channels x height x width, or N x height x width x channels; none where the shape is neither. Where
/// both would do the channels come first.
std::optional<ImagePlace> imagePlaceOf(const Shape& shape, std::int64_t channels = 3);

/// Where a resized image lies in the network's input: all of it, a part where letterboxed, and beyond its
/// edges where cropped.
struct ImageRegion {
  std::int64_t top = 0;     ///< first row; negative: of the resized image, so many rows are cut off
  std::int64_t left = 0;    ///< first column, likewise
  std::int64_t height = 0;  ///< rows
  std::int64_t width = 0;   ///< columns
  bool operator==(const ImageRegion&) const = default;
};
/// Where an image of those extents goes in the input that `how` describes.
ImageRegion imageRegion(const ImagePreprocess& how, std::int64_t imageHeight, std::int64_t imageWidth);

}  // namespace tessera
