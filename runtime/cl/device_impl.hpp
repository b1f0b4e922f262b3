/// \file
/// The OpenCL handles behind a Device.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cl/cl.hpp"
#include "clkernels/family.hpp"
#include "tessera/device.hpp"

namespace tessera {

/// Instructions of the host's processor that kernels multiply codes with.
enum class HostCodes { Avx2, Vnni, Amx };

struct Device::Impl {
  cl::Platform platform;
  cl::Device device;
  DeviceCaps caps;

  /// Chains on this device follow each other (exec/chain_launch.hpp): the queue of the last one.
  struct ChainTurn {
    std::mutex mutex;
    cl::CommandQueue last;
  };
  mutable ChainTurn chainTurn;

  /// The context shared by everything on this device; made at first use.
  const cl::Context& context() const;
  /// Results of probing dot4, made at first use.
  const std::vector<Dot4Probe>& dot4Probes(const Device& self) const;
  /// Why such instructions are not used on this device, empty where they compute the definition: compiled,
  /// run and compared at the first call for each, where a failure is logged.
  const std::string& whyNot(HostCodes codes, const Device& self) const;
  /// As far as that is known.
  bool knownWrong(HostCodes codes) const;
  /// Why tensor cores can not be used, empty where they can; probed at first use, where a failure is logged.
  const std::string& whyNoTensorCores(const Device& self) const;
  /// The same of Hopper's wgmma.
  const std::string& whyNoWgmma(const Device& self) const;

 private:
  mutable std::once_flag once_;
  mutable cl::Context context_;
  mutable std::mutex hostCodesMutex_;
  mutable std::map<HostCodes, std::string> hostCodes_;
  mutable std::once_flag dot4Once_;
  mutable std::vector<Dot4Probe> dot4Probes_;
  mutable std::once_flag tensorCoresOnce_;
  mutable std::string whyNoTensorCores_;
  mutable std::once_flag wgmmaOnce_;
  mutable std::string whyNoWgmma_;
};

/// Compiles, checks and times every dot4 body.
std::vector<Device::Dot4Probe> probeDot4(const Device& device);

/// Facts for INT8 kernels where CPUID tells them (PoCL on this processor), before anything was compiled; else
/// int8Caps(). An engine that is built by them is right once confirmCodes() has seen to it.
DeviceCaps expectedInt8Caps(const Device& device);
/// Kernels that confirmCodes() will run, so that they may be compiled with others.
std::vector<KernelCall> codesChecks(const DeviceCaps& caps);
/// Whether the instructions that `caps` speaks of compute the definition here; checked once.
bool confirmCodes(const Device& device, const DeviceCaps& caps);

/// What int8Caps() gave where a body of that name (toString(Dot4Body)) was the fastest, without probing
/// again; none where the body is not to be tried on this device.
std::optional<DeviceCaps> capsWithDot4(const Device& device, std::string_view body);

/// Reads and probes what a device can do: the one place for vendor quirks.
DeviceCaps probeDevice(const cl::Platform& platform, const cl::Device& device);

}  // namespace tessera
