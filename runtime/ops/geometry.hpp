/// \file
/// Spatial geometry of convolutions, deconvolutions and pooling: one reading of their attributes for
/// operators, importers, passes and kernel families.
#pragma once

#include <array>
#include <cstdint>

#include "ops/operator.hpp"

namespace tessera {

/// Depth, height, width. An operator with fewer spatial extents leaves the first ones at 1 (pads at 0).
using Extents = std::array<std::int64_t, 3>;

/// A window that slides over an image. For a deconvolution `in` is still the operator's input: the window
/// slides over the output.
struct Window {
  int rank = 2;  ///< spatial extents: 1 to 3
  std::int64_t batch = 1, channels = 1, outChannels = 1, group = 1;
  Extents in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1};
  Extents padBegin{0, 0, 0}, padEnd{0, 0, 0};

  std::int64_t inVolume() const { return in[0] * in[1] * in[2]; }
  std::int64_t outVolume() const { return out[0] * out[1] * out[2]; }
  std::int64_t kernelVolume() const { return kernel[0] * kernel[1] * kernel[2]; }
  std::int64_t groupChannels() const { return channels / group; }
  std::int64_t groupOutputs() const { return outChannels / group; }
  /// Cells the window spans along an axis, dilation included.
  std::int64_t span(int axis) const { return dilation[axis] * (kernel[axis] - 1) + 1; }
  bool depthwise() const { return group > 1 && group == channels; }
  /// 1x1, stride 1, no pads: a matrix product.
  bool pointwise() const;
  Shape outputShape() const;  ///< N, K, then the spatial extents there are
};

/// Read the attributes; throw Error(InvalidArgument) with the reason where they fit neither each other nor
/// the shapes.
Window convolutionWindow(const Attributes& attrs, const Shape& x, const Shape& weights);
Window deconvolutionWindow(const Attributes& attrs, const Shape& x, const Shape& weights);
Window poolWindow(const Attributes& attrs, const Shape& x);
/// The window of a Convolution, Deconvolution, Pool or GlobalPool.
Window windowOf(const OpView& op);

/// Cells of a pooling window along one axis: taps that lie inside the input, and inside input and pads.
struct PoolRange {
  std::int64_t inside = 0, padded = 0;
};
PoolRange poolRange(const Window& window, int axis, std::int64_t outIndex);

}  // namespace tessera
