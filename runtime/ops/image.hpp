/// \file
/// What the image operators' references and kernel families share.
#pragma once

#include "ops/operator.hpp"
#include "tessera/image.hpp"

namespace tessera {

/// The attributes of an ImagePreprocess operator; refuses what makes no sense.
ImagePreprocess preprocessOf(const Attributes& attrs);

/// The attributes of a ClassColor operator.
struct ClassColorParams {
  std::int64_t height = 0, width = 0;  ///< of the image
  ImageRegion region;                  ///< of the class map that shows the image
  int border = 0;                      ///< width of the line between classes in the overlay, in pixels
};
ClassColorParams classColorParams(const Attributes& attrs);

/// Entries of a palette: one per 8-bit class, each blue, green, red, opacity.
inline constexpr std::int64_t kPaletteSize = 256;

}  // namespace tessera
