/// \file
/// What a device gives at best, measured with small kernels: the yardstick of every benchmark and of the
/// tuner.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tessera/device.hpp"

namespace tessera {

/// One ceiling. Operations count a multiply-add as two; bytes are read plus written.
struct RooflineEntry {
  std::string name;  ///< "fp32 fma", "half fma", "dot4 <body>", "mma f16", "mma s8", "copy", "launch",
                     ///< "launch + finish"
  double value = 0;  ///< 0 where it could not be measured
  std::string unit;  ///< "GFLOP/s", "GOP/s", "GB/s" or "us"
  std::string why;   ///< why it could not be measured; mostly empty
};

/// fp32 fma in 10^9 operations per second.
double measureFp32(const Device& device);
/// Device copy in 10^9 bytes per second, read and written.
double measureCopy(const Device& device);

/// Everything, in the order of the table; a few seconds. `progress` is called with each name before it is
/// measured. Throws Error(DeviceError) only where not even a plain kernel runs.
std::vector<RooflineEntry> measureRoofline(const Device& device,
                                           const std::function<void(const std::string&)>& progress = {});

}  // namespace tessera
