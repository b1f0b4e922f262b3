/// \file
/// Whether tensor cores may be used (clkernels/conv_mma/mma.cl, clkernels/conv_wgmma/wgmma.cl).
#pragma once

#include "clkernels/common/tensor_cores.hpp"

namespace tessera {

/// caps(), for networks of half or of codes; a device whose tensor cores or wgmma failed the probe counts as
/// one of a compute capability without.
DeviceCaps mmaCaps(const Device& device);

}  // namespace tessera
