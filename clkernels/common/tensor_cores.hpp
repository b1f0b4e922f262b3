/// \file
/// Which devices have the tensor cores and asynchronous copies of conv_mma/mma.cl.
#pragma once

#include "tessera/device.hpp"

namespace tessera {

inline constexpr int kMmaCapability = 80;  ///< NVIDIA's, of Ampere

/// By the facts given; those that an engine is built with were probed (runtime/cl/mma_probe.hpp).
inline bool hasMma(const DeviceCaps& device) {
  return device.nvidia && device.nvidiaComputeCapability >= kMmaCapability;
}

}  // namespace tessera
