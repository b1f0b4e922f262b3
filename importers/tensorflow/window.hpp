/// \file
/// Sliding windows of convolutions and poolings.
#pragma once

#include "importers/tensorflow/node.hpp"

namespace tessera::tensorflow {

/// Per spatial axis; pads: begins, then ends.
struct Window {
  std::vector<std::int64_t> kernel, strides, dilations, pads;
  std::size_t spatial() const { return kernel.size(); }
};

/// The window of a node over an image of extents `image` (N, C, spatial). Attributes strides, dilations,
/// padding (SAME, VALID, EXPLICIT with explicit_paddings).
Window windowOf(const Node& node, std::vector<std::int64_t> kernel, const Shape& image);

}  // namespace tessera::tensorflow
