// Which body of dot4 a device runs: compile, run on adversarial values, compare with the definition, time. An
// extension string alone is never believed: some drivers list the extension and compute something else.
#include <algorithm>
#include <random>

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

std::int32_t definition(std::int32_t a, std::int32_t b, std::int32_t acc) {
  auto sum = static_cast<std::uint32_t>(acc);
  for (int i = 0; i < 4; ++i)
    sum += static_cast<std::uint32_t>(std::int32_t{static_cast<std::int8_t>(a >> (8 * i))} *
                                      std::int32_t{static_cast<std::int8_t>(b >> (8 * i))});
  return static_cast<std::int32_t>(sum);
}

bool hostHasAvx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2");
#else
  return false;
#endif
}

// Empty where the body may be tried; an instruction that the processor lacks would kill the process.
std::string whyNotTried(Dot4Body body, const DeviceCaps& caps, const std::string& extensions) {
  const auto has = [&](const char* name) { return extensions.find(name) != std::string::npos; };
  if (body == kDot4Avx2)
    return caps.pocl && caps.isCpu() && hostHasAvx2() ? "" : "not PoCL on a processor with AVX2";
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

// All pairs of extreme bytes in every lane, and random words, with accumulators near the ends of the range.
void adversarial(std::vector<std::int32_t>& a, std::vector<std::int32_t>& b, std::vector<std::int32_t>& acc) {
  const std::int32_t bytes[] = {0, 1, -1, 127, -127, -128, 64, -77};
  const std::int32_t sums[] = {0, 1, -1, 0x7fffffff, static_cast<std::int32_t>(0x80000000), 12345678};
  std::mt19937 random(7);
  for (const auto x : bytes)
    for (const auto y : bytes)
      for (int lane = 0; lane < 4; ++lane)
        for (const auto s : sums) {
          a.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(x & 0xff) << (8 * lane)));
          b.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(y & 0xff) * 0x01010101u));
          acc.push_back(s);
        }
  while (a.size() % 1024) {
    a.push_back(static_cast<std::int32_t>(random()));
    b.push_back(static_cast<std::int32_t>(random()));
    acc.push_back(static_cast<std::int32_t>(random()));
  }
}

Device::Dot4Probe tryBody(const Device& device, Dot4Body body, const std::string& extensions) {
  Device::Dot4Probe probe{body};
  probe.why = whyNotTried(body, device.caps(), extensions);
  if (!probe.why.empty()) return probe;
  try {
    KernelCall call{
        "dot4_probe/dot4_probe.cl", "dot4_check", {{"D_DOT4", std::to_string(static_cast<int>(body))}}};
    const cl::Program program =
        buildProgram(device, ProgramSource::of(call), "dot4 " + std::string(toString(body)));
    guarded("probing dot4", [&] {
      const cl::Context& context = device.impl().context();
      const cl::CommandQueue queue(context, device.impl().device, CL_QUEUE_PROFILING_ENABLE);
      std::vector<std::int32_t> a, b, acc;
      adversarial(a, b, acc);
      const std::size_t bytes = a.size() * 4;
      const auto upload = [&](std::vector<std::int32_t>& v) {
        return cl::Buffer(context, CL_MEM_COPY_HOST_PTR, bytes, v.data());
      };
      const cl::Buffer da = upload(a), db = upload(b), dc = upload(acc),
                       dy(context, CL_MEM_READ_WRITE, bytes);
      cl::Kernel check(program, "dot4_check");
      check.setArg(0, da), check.setArg(1, db), check.setArg(2, dc), check.setArg(3, dy);
      const std::size_t lanes = body == Dot4Body::Vnni || body == kDot4Avx2 ? 16 : 1;
      queue.enqueueNDRangeKernel(check, cl::NullRange, cl::NDRange(a.size() / lanes), cl::NDRange(16));
      std::vector<std::int32_t> y(a.size());
      queue.enqueueReadBuffer(dy, CL_TRUE, 0, bytes, y.data());
      for (std::size_t i = 0; i < a.size(); ++i)
        if (y[i] != definition(a[i], b[i], acc[i])) {
          probe.why = "it computes another value than the definition";
          return;
        }
      probe.works = true;
      cl::Kernel rate(program, "dot4_rate");
      const int rounds = device.caps().isCpu() ? 2000 : 256;
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
    return caps;
  }
  return std::nullopt;
}

const std::vector<Device::Dot4Probe>& Device::Impl::dot4Probes(const Device& self) const {
  std::call_once(dot4Once_, [&] { dot4Probes_ = probeDot4(self); });
  return dot4Probes_;
}

const std::vector<Device::Dot4Probe>& Device::dot4Probes() const { return impl_->dot4Probes(*this); }

DeviceCaps Device::int8Caps() const {
  // A compiler may see through the emulation in so small a loop: it has to win clearly.
  constexpr double kEmulationHandicap = 0.5;
  DeviceCaps found = mmaCaps(*this);
  double best = -1;
  for (const Dot4Probe& probe : dot4Probes()) {
    const double rate = probe.gops * (probe.body == Dot4Body::Emulated ? kEmulationHandicap : 1);
    if (probe.works && rate > best) best = rate, found.dot4 = probe.body;
  }
  return found;
}

}  // namespace tessera
