// What INT8 kernels on this processor multiply codes with: told by CPUID, and checked before it counts.
#include <spdlog/logger.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <random>

#include "cl/dot4_probe.hpp"
#include "cl/mma_probe.hpp"
#include "cl/program.hpp"
#include "clkernels/common/dot4.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

std::string_view codesName(HostCodes codes) {
  return codes == HostCodes::Amx ? "x86 amx"
                                 : toString(codes == HostCodes::Vnni ? Dot4Body::Vnni : kDot4Avx2);
}

// Tile registers are large, so Linux gives them to processes that ask for them.
bool hostHasAmx() {
#if defined(__x86_64__) && defined(__linux__)
  constexpr unsigned kTile = 1u << 24, kInt8 = 1u << 25;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // arch_prctl's
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kTile) == 0 || (d & kInt8) == 0) return false;
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

KernelCall amxCheck() {
  KernelCall call{"dot4_probe/amx_probe.cl", "amx_check"};
  call.global = {1}, call.local = {1};
  call.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::output(0)};
  return call;
}

std::string whyAmxWrong(const Device& device, const cl::CommandQueue& queue, const cl::Program& program) {
  constexpr int kRows = 16, kRowBytes = 64;
  const cl::Context& context = device.impl().context();
  std::mt19937 random(7);
  std::vector<std::int8_t> x(kRows * kRowBytes), w(x.size());
  for (auto* codes : {&x, &w})
    for (auto& code : *codes)
      code = static_cast<std::int8_t>(random() % 8 ? random() : random() % 2 ? 127 : -128);
  const cl::Buffer dx(context, CL_MEM_COPY_HOST_PTR, x.size(), x.data()),
      dw(context, CL_MEM_COPY_HOST_PTR, w.size(), w.data()),
      dy(context, CL_MEM_READ_WRITE, kRows * kRows * sizeof(std::int32_t));
  cl::Kernel check(program, "amx_check");
  check.setArg(0, dx), check.setArg(1, dw), check.setArg(2, dy);
  queue.enqueueNDRangeKernel(check, cl::NullRange, cl::NDRange(1), cl::NDRange(1));
  std::vector<std::int32_t> y(kRows * kRows);
  queue.enqueueReadBuffer(dy, CL_TRUE, 0, y.size() * sizeof(std::int32_t), y.data());
  for (int row = 0; row < kRows; ++row)
    for (int column = 0; column < kRows; ++column) {
      std::int32_t sum = 0;
      for (int i = 0; i < kRowBytes; ++i)
        sum += x[row * kRowBytes + i] * w[i / 4 * kRowBytes + column * 4 + i % 4];
      if (y[row * kRows + column] != sum) return "it computes another value than the definition";
    }
  return {};
}

std::string checked(const Device& device, HostCodes codes) {
  if (!hostHas(codes, device.caps())) return "the processor lacks it";
  try {
    const Dot4Body body = codes == HostCodes::Vnni ? Dot4Body::Vnni : kDot4Avx2;
    const KernelCall call = codes == HostCodes::Amx ? amxCheck() : dot4Check(body);
    const cl::Program program = buildProgram(device, ProgramSource::of(call), std::string(codesName(codes)));
    return guarded("checking instructions for codes", [&] {
      const cl::CommandQueue queue(device.impl().context(), device.impl().device);
      return codes == HostCodes::Amx ? whyAmxWrong(device, queue, program)
                                     : whyWrong(device, queue, program, body);
    });
  } catch (const Error& e) {
    return e.what();
  }
}

std::vector<HostCodes> codesIn(const DeviceCaps& caps) {
  std::vector<HostCodes> codes;
  if (!caps.pocl || !caps.isCpu()) return codes;
  if (caps.dot4 == Dot4Body::Vnni) codes.push_back(HostCodes::Vnni);
  if (caps.dot4 == kDot4Avx2) codes.push_back(HostCodes::Avx2);
  if (caps.amxInt8) codes.push_back(HostCodes::Amx);
  return codes;
}

}  // namespace

bool hostHas(HostCodes codes, const DeviceCaps& device) {
  if (!device.pocl || !device.isCpu()) return false;
  if (codes == HostCodes::Vnni) return device.avx512Vnni;
  if (codes == HostCodes::Amx) {
    static const bool amx = hostHasAmx();
    return device.avx512 && amx;
  }
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2");
#else
  return false;
#endif
}

const std::string& Device::Impl::whyNot(HostCodes codes, const Device& self) const {
  const std::lock_guard lock(hostCodesMutex_);
  const auto known = hostCodes_.find(codes);
  if (known != hostCodes_.end()) return known->second;
  const std::string& why = hostCodes_.emplace(codes, checked(self, codes)).first->second;
  if (!why.empty()) log().warn("{}: INT8 does without {}: {}", caps.name, codesName(codes), why);
  return why;
}

bool Device::Impl::knownWrong(HostCodes codes) const {
  const std::lock_guard lock(hostCodesMutex_);
  const auto known = hostCodes_.find(codes);
  return known != hostCodes_.end() && !known->second.empty();
}

DeviceCaps expectedInt8Caps(const Device& device) {
  DeviceCaps caps = device.caps();
  const auto usable = [&](HostCodes codes) {
    return hostHas(codes, caps) && !device.impl().knownWrong(codes);
  };
  if (!usable(HostCodes::Vnni) && !usable(HostCodes::Avx2)) return fastestProbed(device);
  caps.dot4 = usable(HostCodes::Vnni) ? Dot4Body::Vnni : kDot4Avx2;
  caps.amxInt8 = usable(HostCodes::Amx);
  return caps;
}

std::vector<KernelCall> codesChecks(const DeviceCaps& caps) {
  std::vector<KernelCall> calls;
  for (const HostCodes codes : codesIn(caps))
    calls.push_back(codes == HostCodes::Amx ? amxCheck() : dot4Check(caps.dot4));
  return calls;
}

bool confirmCodes(const Device& device, const DeviceCaps& caps) {
  bool right = true;
  for (const HostCodes codes : codesIn(caps)) right &= device.impl().whyNot(codes, device).empty();
  return right;
}

DeviceCaps Device::int8Caps() const {
  for (;;) {
    DeviceCaps caps = expectedInt8Caps(*this);
    if (confirmCodes(*this, caps)) return caps;  // else without what was found wrong
  }
}

}  // namespace tessera
