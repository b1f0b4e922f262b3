// Which body of dot4 a device runs: compile, run on adversarial values, compare with the definition, time. An
// extension string alone is never believed: some drivers list the extension and compute something else.
#include <algorithm>

#include "cl/dot4_probe.hpp"
#include "cl/mma_probe.hpp"
#include "cl/program.hpp"
#include "clkernels/common/dot4.hpp"
#include "tessera/log.hpp"

namespace tessera {

std::string_view toString(Dot4Body body) {
  if (body == kDot4Avx2) return "x86 avx2";
  switch (body) {
    case Dot4Body::Emulated:
      return "emulated";
    case Dot4Body::Khr:
      return "cl_khr_integer_dot_product";
    case Dot4Body::Arm:
      return "cl_arm_integer_dot_product";
    case Dot4Body::Amd:
      return "amd sdot4";
    case Dot4Body::NvidiaPtx:
      return "nvidia ptx dp4a";
    case Dot4Body::Vnni:
      return "x86 avx512-vnni";
  }
  return "?";
}

namespace {

// Empty where the body may be tried; an instruction that the processor lacks would kill the process.
std::string whyNotTried(Dot4Body body, const DeviceCaps& caps, const std::string& extensions) {
  const auto has = [&](const char* name) { return extensions.find(name) != std::string::npos; };
  if (body == kDot4Avx2) return hostHas(HostCodes::Avx2, caps) ? "" : "not PoCL on a processor with AVX2";
  switch (body) {
    case Dot4Body::Emulated:
      return {};
    case Dot4Body::Khr:
      return has("cl_khr_integer_dot_product") ? "" : "the extension is not reported";
    case Dot4Body::Arm:
      return has("cl_arm_integer_dot_product_accumulate_int8") ? "" : "the extension is not reported";
    case Dot4Body::Amd:
      return caps.vendor.find("Advanced Micro Devices") != std::string::npos && !caps.isCpu()
                 ? ""
                 : "not an AMD GPU";
    case Dot4Body::NvidiaPtx:
      return caps.nvidia && caps.nvidiaComputeCapability >= 61
                 ? ""
                 : "not an NVIDIA GPU of compute capability 6.1 or later";
    case Dot4Body::Vnni:
      return caps.avx512Vnni ? "" : "not PoCL on a processor with AVX-512 VNNI";
  }
  return "unknown";
}

Device::Dot4Probe tryBody(const Device& device, Dot4Body body, const std::string& extensions) {
  Device::Dot4Probe probe{body};
  probe.why = whyNotTried(body, device.caps(), extensions);
  if (!probe.why.empty()) return probe;
  try {
    const KernelCall call = dot4Check(body);
    const cl::Program program =
        buildProgram(device, ProgramSource::of(call), "dot4 " + std::string(toString(body)));
    guarded("probing dot4", [&] {
      const cl::Context& context = device.impl().context();
      const cl::CommandQueue queue(context, device.impl().device, CL_QUEUE_PROFILING_ENABLE);
      probe.why = whyWrong(device, queue, program, body);
      if (!probe.why.empty()) return;
      probe.works = true;
      cl::Kernel rate(program, "dot4_rate");
      const int rounds = device.caps().isCpu() ? 2000 : 256;
      const std::size_t lanes = dot4Lanes(body);
      const std::size_t items =
          device.caps().isCpu() ? device.caps().computeUnits * 4 : device.caps().computeUnits * 2048;
      const cl::Buffer dr(context, CL_MEM_READ_WRITE, items * 4);
      rate.setArg(0, dr), rate.setArg(1, 3), rate.setArg(2, rounds);
      double best = 0;
      for (int run = 0; run < 4; ++run) {
        cl::Event event;
        queue.enqueueNDRangeKernel(rate, cl::NullRange, cl::NDRange(items),
                                   device.caps().isCpu() ? cl::NDRange(1) : cl::NDRange(256), nullptr,
                                   &event);
        event.wait();
        const double ns = static_cast<double>(event.getProfilingInfo<CL_PROFILING_COMMAND_END>() -
                                              event.getProfilingInfo<CL_PROFILING_COMMAND_START>());
        if (ns > 0) best = std::max(best, 8.0 * 64 * rounds * static_cast<double>(items * lanes) / ns);
      }
      probe.gops = best;
    });
  } catch (const Error& e) {
    probe.works = false;
    probe.why = e.what();
  }
  return probe;
}

}  // namespace

namespace {

constexpr Dot4Body kBodies[] = {Dot4Body::Khr,  Dot4Body::Arm, Dot4Body::Amd,     Dot4Body::NvidiaPtx,
                                Dot4Body::Vnni, kDot4Avx2,     Dot4Body::Emulated};

}  // namespace

std::vector<Device::Dot4Probe> probeDot4(const Device& device) {
  const std::string extensions = device.impl().device.getInfo<CL_DEVICE_EXTENSIONS>();
  std::vector<Device::Dot4Probe> probes;
  for (const Dot4Body body : kBodies) probes.push_back(tryBody(device, body, extensions));
  return probes;
}

std::optional<DeviceCaps> capsWithDot4(const Device& device, std::string_view text) {
  const std::string extensions = device.impl().device.getInfo<CL_DEVICE_EXTENSIONS>();
  for (const Dot4Body body : kBodies) {
    if (toString(body) != text || !whyNotTried(body, device.caps(), extensions).empty()) continue;
    DeviceCaps caps = device.caps();
    caps.dot4 = body;
    caps.amxInt8 = expectedInt8Caps(device).amxInt8;
    return caps;
  }
  return std::nullopt;
}

const std::vector<Device::Dot4Probe>& Device::Impl::dot4Probes(const Device& self) const {
  std::call_once(dot4Once_, [&] { dot4Probes_ = probeDot4(self); });
  return dot4Probes_;
}

const std::vector<Device::Dot4Probe>& Device::dot4Probes() const { return impl_->dot4Probes(*this); }

DeviceCaps fastestProbed(const Device& device) {
  // A compiler may see through the emulation in so small a loop: it has to win clearly.
  constexpr double kEmulationHandicap = 0.5;
  DeviceCaps found = mmaCaps(device);
  double best = -1;
  for (const Device::Dot4Probe& probe : device.dot4Probes()) {
    const double rate = probe.gops * (probe.body == Dot4Body::Emulated ? kEmulationHandicap : 1);
    if (probe.works && rate > best) best = rate, found.dot4 = probe.body;
  }
  return found;
}

}  // namespace tessera
