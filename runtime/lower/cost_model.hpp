/// \file
/// A coarse estimate of time, used to choose families and layouts where nothing has been measured.
#pragma once

#include "clkernels/family.hpp"

namespace tessera {

/// Seconds, from the roofline of the device's class: operations at `efficiency` of the peak, or bytes, plus a
/// launch.
double estimateSeconds(const Cost& cost, const DeviceCaps& device);

/// Seconds to copy a tensor into another layout.
double reformatSeconds(const TensorDesc& tensor, const DeviceCaps& device);

}  // namespace tessera
