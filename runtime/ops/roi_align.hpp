/// \file
/// RoiAlign's attributes, as reference and kernel family read them.
#pragma once

#include "ops/operator.hpp"

namespace tessera {

struct RoiAligning {
  std::vector<std::int64_t> bins;  ///< height, width of the output
  bool max = false, halfPixel = true;
  float scale = 1;
  std::int64_t sampling = 0;  ///< samples per bin and axis; 0: as many as the region's size asks for
};

/// Throws Error(InvalidArgument) with the reason where attributes and operands do not fit.
RoiAligning roiAligning(const OpView& op);

}  // namespace tessera
