/// \file
/// GridSample's attributes and coordinates, as reference and kernel family read them.
#pragma once

#include "ops/geometry.hpp"

namespace tessera {

struct GridSampling {
  int taps = 2;     ///< per axis: 1 nearest, 2 linear, 4 cubic
  int padding = 0;  ///< 0 zeros, 1 border, 2 reflection
  bool alignCorners = false;
  int rank = 2;  ///< spatial extents
  Extents in{1, 1, 1}, out{1, 1, 1};
};

/// Throws Error(InvalidArgument) with the reason where attributes and operands do not fit.
GridSampling gridSampling(const OpView& op);

}  // namespace tessera
