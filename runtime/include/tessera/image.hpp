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
  Area,         ///< OpenCV's INTER_AREA: mean of the area that the pixel covers; where one axis grows and the
                ///< other shrinks, of two pixels of either
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

/// How the pixels of an image lie in memory: 8 bits a value, rows dense.
enum class PixelFormat {
  Bgr,        ///< height x width x 3: blue, green, red
  Rgb,        ///< height x width x 3: red, green, blue
  Grey,       ///< height x width
  PlanarBgr,  ///< 3 x height x width: all of blue, of green, of red
  PlanarRgb,  ///< 3 x height x width: all of red, of green, of blue
  Nv12,       ///< height x width of luma, then height / 2 x width / 2 x 2 of chroma; both extents even
};
std::string_view toString(PixelFormat format);        ///< "BGR", "RGB", "GREY", "planar_BGR", ..
PixelFormat parsePixelFormat(std::string_view text);  ///< throws Error(InvalidArgument)

/// Which red, green and blue luma and chroma stand for (Nv12).
enum class YuvColors {
  Bt601,      ///< luma 16 to 235: video of standard definition, and what OpenCV takes for granted
  Bt709,      ///< luma 16 to 235: video of high definition
  Bt601Full,  ///< luma 0 to 255: JPEG, cameras
};
std::string_view toString(YuvColors colors);      ///< "BT.601", "BT.709", "BT.601_full"
YuvColors parseYuvColors(std::string_view text);  ///< throws Error(InvalidArgument)

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
  ChannelOrder order = ChannelOrder::Bgr;    ///< of the network, whatever the images' format is
  std::array<double, 3> mean{0, 0, 0};       ///< in the network's channel order; grey: the first
  std::array<double, 3> deviation{1, 1, 1};  ///< std of the formula, likewise
  double scale = 1;                          ///< of the formula
  double pad = 114;                          ///< pixel value around a letterboxed image
  bool channelsLast = false;                 ///< the input is height x width x channels, not channels first
  ImageFit fit = ImageFit::Stretch;          ///< see there
  double crop = 1;  ///< Crop: the part of the shorter side that stays, above 0 (224 / 256, say)
  /// Resized pixels are whole numbers, as where libraries resize images of 8 bits: Linear and Area compute
  /// them as OpenCV's cv::resize does, Antialiased is rounded to the nearest (one off PIL's at most). Else
  /// they are not rounded.
  bool rounded = false;

  /// That the network's input has.
  std::int64_t channels() const { return order == ChannelOrder::Grey ? 1 : 3; }
  Attributes attributes() const;  ///< of the ImagePreprocess operator
};

/// 8-bit pixels, rows dense; owned by the caller.
struct ImageView {
  const std::uint8_t* pixels = nullptr;   ///< as `format` says
  std::int64_t height = 0;                ///< in pixels
  std::int64_t width = 0;                 ///< in pixels
  PixelFormat format = PixelFormat::Bgr;  ///< see there
  YuvColors colors = YuvColors::Bt601;    ///< of Nv12
  Shape shape() const;                    ///< of the pixels as a tensor: the ImagePreprocess operator's input
  /// Of all pixels.
  std::size_t bytes() const { return static_cast<std::size_t>(elementCount(shape())); }
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
