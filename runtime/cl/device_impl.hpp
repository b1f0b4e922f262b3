/// \file
/// The OpenCL handles behind a Device.
#pragma once

#include <mutex>

#include "cl/cl.hpp"
#include "tessera/device.hpp"

namespace tessera {

struct Device::Impl {
  cl::Platform platform;
  cl::Device device;
  DeviceCaps caps;

  /// The context shared by everything on this device; made at first use.
  const cl::Context& context() const;

 private:
  mutable std::once_flag once_;
  mutable cl::Context context_;
};

/// Reads and probes what a device can do: the one place for vendor quirks.
DeviceCaps probeDevice(const cl::Platform& platform, const cl::Device& device);

}  // namespace tessera
