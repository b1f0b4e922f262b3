// Compute units of GPUs, by class.
#include "clkernels/common/gpu_model.hpp"

#include <algorithm>
#include <cmath>

namespace tessera {
namespace {

// The unit's limits, and latencies fitted to 230 measurements of conv_gemm: mean error 10 %, time of the
// choices made by it 3 % above the best measured.
constexpr GpuModel kH200{.registers = 65536,
                         .items = 2048,
                         .groups = 32,
                         .localBytes = 228.0 * 1024,
                         .clock = 1.8e9,
                         .warpsPerCycle = 4 * 0.83,
                         .tileCycles = 370,
                         .cyclesPerStep = 0.94,
                         .groupCycles = 3300,
                         .secondKernelCycles = 9200,
                         .partBytesPerCycle = 22.5,
                         .fenceCycles = 2500,
                         .readBytesPerCycle = 40};

}  // namespace

double GpuModel::resident(double registersOfItem, double groupItems, double groupLocalBytes) const {
  constexpr double kReserved = 1024;  // bytes of local memory that the driver takes of each work-group
  return std::max(
      1.0, std::min({std::floor(registers / (registersOfItem * groupItems)), std::floor(items / groupItems),
                     std::floor(localBytes / (groupLocalBytes + kReserved)), groups}));
}

GpuModel gpuModel(const DeviceCaps& device) {
  GpuModel model = kH200;
  if (device.nvidia) return model;
  // A unit holds two of the largest work-groups with 32 registers an item, and twice a group's local memory.
  const auto largest = static_cast<double>(device.maxWorkGroup);
  model.items = 2 * largest;
  model.registers = 32 * model.items;
  model.groups = 16;
  model.localBytes = 2 * static_cast<double>(device.localMemory);
  return model;
}

}  // namespace tessera
