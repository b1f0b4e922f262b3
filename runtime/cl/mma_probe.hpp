/// \file
/// Whether tensor cores may be used (clkernels/conv_mma/mma.cl).
#pragma once

#include <string>

#include "clkernels/common/tensor_cores.hpp"

namespace tessera {

/// Why tensor cores can not be used, empty where they can: compiled, run and compared once for each kind of
/// device.
std::string whyNoMma(const Device& device);

/// caps(); a device whose tensor cores failed the probe counts as one of a compute capability without.
DeviceCaps mmaCaps(const Device& device);

}  // namespace tessera
