/// \file
/// Devices that exist in tests only.
#pragma once

#include "tessera/device.hpp"

namespace tessera::test {

/// A CPU as PoCL describes one.
inline DeviceCaps inventedCpu(bool avx512 = false, const char* driver = "1.0") {
  DeviceCaps c;
  c.platform = "Test";
  c.name = "Test CPU";
  c.driver = driver;
  c.kind = DeviceKind::Cpu;
  c.computeUnits = 2;
  c.maxWorkGroup = 4096;
  for (auto& items : c.maxWorkItem) items = 4096;
  c.maxAllocation = c.globalMemory = std::size_t{4} << 30;
  c.pocl = true;
  c.avx512 = avx512;
  return c;
}

/// A GPU on which families of every vendor apply.
inline DeviceCaps inventedGpu() {
  DeviceCaps c = inventedCpu();
  c.name = "Test GPU", c.kind = DeviceKind::Gpu, c.pocl = false;
  c.computeUnits = 32, c.maxWorkGroup = 1024, c.localMemory = 64 << 10;
  c.nvidia = true, c.nvidiaComputeCapability = 90, c.fences = true;
  c.dot4 = Dot4Body::NvidiaPtx;
  return c;
}

}  // namespace tessera::test
