// Coarse time estimates by device class.
#include "lower/cost_model.hpp"

#include <algorithm>

#include "clkernels/common/gpu_model.hpp"

namespace tessera {
namespace {

struct Roofline {
  double operations, bytes, launch;
};

// Only the ratios matter: they rank families of one operator and weigh reformats against them.
Roofline roofline(const DeviceCaps& device) {
  if (device.isCpu()) return {device.computeUnits * 250e9, 15e9, 4e-6};
  return {device.computeUnits * kGpuOperationsPerUnit, device.computeUnits * kGpuBytesPerUnit, 4e-6};
}

}  // namespace

double estimateSeconds(const Cost& cost, const DeviceCaps& device) {
  const Roofline r = roofline(device);
  return r.launch +
         std::max(cost.operations / (r.operations * std::max(cost.efficiency, 1e-3)), cost.bytes / r.bytes);
}

double reformatSeconds(const TensorDesc& tensor, const DeviceCaps& device) {
  const Roofline r = roofline(device);
  return r.launch + 2.0 * static_cast<double>(tensor.bytes()) / r.bytes;
}

}  // namespace tessera
