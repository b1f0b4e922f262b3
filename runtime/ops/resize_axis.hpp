/// \file
/// ONNX Resize axis by axis: which source cells an output coordinate reads, and with what weights.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/operator.hpp"

namespace tessera {

/// Output coordinate o reads cells cell[o * taps + t] with weight[o * taps + t]; cell -1 means that the
/// coordinate lies outside and the output is the extrapolation value (tf_crop_and_resize only).
struct ResizeAxis {
  int taps = 1;
  std::vector<std::int32_t> cell;
  std::vector<double> weight;
  bool identity = true;  ///< every coordinate reads just itself
};

/// One entry per extent of x. Interpolation is separable: an output element is the sum over the product of
/// the axes' taps. Throws Error(InvalidArgument) with the reason where the attributes do not fit.
std::vector<ResizeAxis> resizeAxes(const OpView& op);

}  // namespace tessera
