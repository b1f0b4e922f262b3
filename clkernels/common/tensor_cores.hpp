/// \file
/// Which devices have the tensor cores and asynchronous copies of conv_mma/mma.cl and conv_wgmma/wgmma.cl.
#pragma once

#include "tessera/device.hpp"

namespace tessera {

inline constexpr int kMmaCapability = 80;    ///< NVIDIA's, of Ampere
inline constexpr int kWgmmaCapability = 90;  ///< of Hopper, and of no later one

/// By the facts given; those that an engine is built with were probed (runtime/cl/mma_probe.hpp).
inline bool hasMma(const DeviceCaps& device) {
  return device.nvidia && device.nvidiaComputeCapability >= kMmaCapability;
}
inline bool hasWgmma(const DeviceCaps& device) {
  return device.nvidia && device.nvidiaComputeCapability == kWgmmaCapability;
}

/// Local memory of a work-group of programs for sm_90a: OpenCL promises 48 KiB, the assembler and the driver
/// give what CUDA's kernels have to ask for. Probed with wgmma.
inline constexpr std::size_t kWgmmaLocalBytes = std::size_t{226} << 10;

/// A call with this define has its program's binary, PTX, rewritten for the target that the define names
/// (runtime/cl/ptx_target.hpp).
inline constexpr const char* kPtxTarget = "D_PTX_TARGET";

}  // namespace tessera
