/// \file
/// What a compute unit of a GPU holds and how long its parts take: the families that tile matrix products
/// choose their tiles by it. Only the order of the times that follow matters.
#pragma once

#include "tessera/device.hpp"

namespace tessera {

/// Peaks that the cost model assumes of a GPU's compute unit, per second.
inline constexpr double kGpuOperationsPerUnit = 450e9, kGpuBytesPerUnit = 25e9;

/// Cycles are a unit's; a warp is 32 lanes.
struct GpuModel {
  // What work-groups share on a unit.
  double registers;   ///< of 32 bits
  double items;       ///< work-items at a time
  double groups;      ///< work-groups at a time
  double localBytes;  ///< of local memory
  // Speed.
  double clock;               ///< cycles a second
  double warpsPerCycle;       ///< instructions that begin, where enough warps wait
  double tileCycles;          ///< latency of a tile's loads and barrier, through registers
  double cyclesPerStep;       ///< latency of an instruction of a warp
  double groupCycles;         ///< beginning and end of a work-group
  double secondKernelCycles;  ///< a second kernel for parts of sums, besides its bytes
  double partBytesPerCycle;   ///< of which it moves so many for each unit of the device,
  double fenceCycles;         ///< or the wait for the parts of other work-groups within one kernel,
  double readBytesPerCycle;   ///< which one unit then reads

  /// Work-groups that share a unit: at least one.
  double resident(double registersOfItem, double groupItems, double groupLocalBytes) const;
};

/// The H200's fitted numbers for NVIDIA's GPUs; for others these latencies, and the limits that they declare.
GpuModel gpuModel(const DeviceCaps& device);

}  // namespace tessera
