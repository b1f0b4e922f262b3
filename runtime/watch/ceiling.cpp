// The yardstick of profiles.
#include <algorithm>

#include "launch/roofline.hpp"
#include "tessera/profile.hpp"

namespace tessera {
namespace {

// On CPUs half precision is storage only, and sums of codes are what the probes of dot4 measured.
Ceiling ofCpu(const Device& device, Precision precision) {
  Ceiling ceiling{measureFp32(device), measureCopy(device), "fp32 fma"};
  if (precision != Precision::Int8) return ceiling;
  ceiling.gops = 0;
  for (const auto& probe : device.dot4Probes())
    if (probe.works && probe.gops > ceiling.gops)
      ceiling.gops = probe.gops, ceiling.by = "dot4 " + std::string(toString(probe.body));
  return ceiling;
}

bool counts(const std::string& name, Precision precision) {
  switch (precision) {
    case Precision::Fp32:
      return name == "fp32 fma";
    case Precision::Fp16:
      return name == "fp32 fma" || name == "half fma" || name == "mma f16";
    case Precision::Int8:
      break;
  }
  return name == "mma s8" || name.starts_with("dot4 ");
}

}  // namespace

Ceiling measureCeiling(const Device& device, Precision precision) {
  if (device.caps().isCpu()) return ofCpu(device, precision);
  Ceiling ceiling;
  for (const RooflineEntry& entry : measureRoofline(device)) {
    if (entry.name == "copy") ceiling.gbps = entry.value;
    if (counts(entry.name, precision) && entry.value > ceiling.gops)
      ceiling.gops = entry.value, ceiling.by = entry.name;
  }
  return ceiling;
}

}  // namespace tessera
