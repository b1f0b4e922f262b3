/// \file
/// Whether instructions that kernels multiply codes with compute the definition on a device.
#pragma once

#include <string>

#include "cl/device_impl.hpp"

namespace tessera {

/// Facts for INT8 kernels with the fastest body that dot4Probes() timed.
DeviceCaps fastestProbed(const Device& device);
/// Whether the device's kernels run on this processor, and it has them.
bool hostHas(HostCodes codes, const DeviceCaps& device);
/// Words that a body of dot4 takes at a time.
std::size_t dot4Lanes(Dot4Body body);
/// The kernel that a body is checked with; its program times it, too.
KernelCall dot4Check(Dot4Body body);
/// Runs it on adversarial values: empty where it computes the definition, else what is wrong.
std::string whyWrong(const Device& device, const cl::CommandQueue& queue, const cl::Program& program,
                     Dot4Body body);

}  // namespace tessera
