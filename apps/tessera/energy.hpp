/// \file
/// Energy that a device took, where it tells: NVIDIA's management library, loaded at run time, or the
/// counters that Linux shows of processors (RAPL).
#pragma once

#include <memory>
#include <string>

#include "apps/common/files.hpp"
#include "tessera/context.hpp"

namespace tessera::app {

/// A counter of energy.
class EnergyMeter {
 public:
  virtual ~EnergyMeter() = default;
  /// Since the meter was made. Throws Error(DeviceError) where the counter can not be read any more.
  virtual double joules() = 0;
  /// What is counted: "NVML, the whole GPU", say.
  virtual std::string what() const = 0;
};

/// A meter, or why there is none.
struct EnergySource {
  std::unique_ptr<EnergyMeter> meter;
  std::string why;
};

/// Of all processor packages below `folder` (/sys/class/powercap).
EnergySource raplMeter(const fs::path& folder);
/// Of the GPU at a PCI address ("0000:17:00.0"; empty: the first) by a management library.
EnergySource nvmlMeter(const std::string& library, const std::string& pciAddress);
/// Of the device that a context runs on.
EnergySource energyMeterOf(const Context& context);

}  // namespace tessera::app
