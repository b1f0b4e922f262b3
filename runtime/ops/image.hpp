/// \file
/// What the image operators' references and kernel families share.
#pragma once

#include "ops/operator.hpp"
#include "tessera/image.hpp"

namespace tessera {

/// The attributes of an ImagePreprocess operator; refuses what makes no sense.
ImagePreprocess preprocessOf(const Attributes& attrs);

/// The images that an ImagePreprocess operator takes, and how large they are.
struct ImageSource {
  PixelFormat format = PixelFormat::Bgr;
  YuvColors colors = YuvColors::Bt601;
  std::int64_t height = 0, width = 0;

  /// Adds what differs from BGR to the operator's attributes.
  static void describe(Attributes& attrs, PixelFormat format, YuvColors colors);
};
/// Of the operator's attributes and the shape of its input; refuses what does not go together.
ImageSource imageSourceOf(const Attributes& attrs, const Shape& shape);

/// Whether ResizeMode::Area takes two pixels of either axis (OpenCV's INTER_AREA where one axis grows) for an
/// image that becomes `region`. Where no axis shrinks these are the area as it is, which matters to how bytes
/// are rounded alone.
inline bool areaOfPairs(std::int64_t height, std::int64_t width, const ImageRegion& region, bool rounded) {
  const bool grows = region.height > height || region.width > width;
  return grows && (rounded || region.height < height || region.width < width);
}

/// What a ClassMap operator reads: scores with the classes before or after the pixels, classes, or one value
/// a pixel.
enum class ClassMapLayout { Scores, ScoresLast, Classes, Mask };

/// The attributes of a ClassMap operator.
struct ClassMapParams {
  ClassMapLayout layout = ClassMapLayout::Scores;
  double threshold = 0;  ///< Mask: class 1 above it
  bool wide = false;     ///< the map has more than 256 classes and is i32, not u8

  std::int64_t most() const { return wide ? 65535 : 255; }  ///< the highest class
  Attributes attributes() const;
};
ClassMapParams classMapParams(const Attributes& attrs);

/// The attributes of a ClassColor operator.
struct ClassColorParams {
  std::int64_t height = 0, width = 0;  ///< of the image
  ImageRegion region;                  ///< of the class map that shows the image
  int border = 0;                      ///< width of the line between classes in the overlay, in pixels
};
ClassColorParams classColorParams(const Attributes& attrs);

/// Entries of a palette for 8-bit classes, each blue, green, red, opacity.
inline constexpr std::int64_t kPaletteSize = 256;

}  // namespace tessera
