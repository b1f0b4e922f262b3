/// \file
/// Sliding windows of convolutions and poolings.
#pragma once

#include <cstdint>
#include <vector>

#include "importers/onnx/node.hpp"

namespace tessera::onnx {

/// One entry per spatial extent; pads holds the begins, then the ends.
struct SlidingWindow {
  std::vector<std::int64_t> kernel, strides, dilations, pads;
  std::size_t spatial() const { return kernel.size(); }
};

/// Reads strides, dilations, pads and auto_pad of a node whose input 0 has N, C and then spatial extents.
/// `kernel` is checked against attribute kernel_shape where the node has both.
SlidingWindow slidingWindow(const Node& node, std::vector<std::int64_t> kernel);
/// The same for an input of this shape, N, C and spatial extents, where the node's first has another order.
SlidingWindow slidingWindow(const Node& node, std::vector<std::int64_t> kernel, const Shape& input);

/// As slidingWindow, but leaves pads as given (zero under auto_pad): transposed convolutions pad by their
/// output.
SlidingWindow unpaddedWindow(const Node& node, std::vector<std::int64_t> kernel);

}  // namespace tessera::onnx
