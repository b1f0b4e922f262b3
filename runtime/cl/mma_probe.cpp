// Whether tensor cores can be used: compile, run on random halves and codes, compare with plain sums.
#include "cl/mma_probe.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <random>

#include "cl/device_impl.hpp"
#include "cl/program.hpp"
#include "tessera/error.hpp"
#include "tessera/log.hpp"
#include "tessera/tensor.hpp"

namespace tessera {
namespace {

constexpr int kRows = 16;      // pixels, and as many channels
constexpr int kRowBytes = 32;  // of a row: 16 halves or 32 codes

// A matrix of small integers, whose sums are exact in either arithmetic, as numbers and as bytes.
struct Matrix {
  std::vector<int> numbers;
  std::vector<std::uint8_t> bytes;

  Matrix(bool half, std::mt19937& random) : bytes(kRows * kRowBytes) {
    const int length = half ? kRowBytes / 2 : kRowBytes;
    for (int i = 0; i < kRows * length; ++i) {
      const int value = static_cast<int>(random() % 255) - 127;
      numbers.push_back(value);
      if (half) {
        const std::uint16_t bits = Half::fromFloat(static_cast<float>(value)).bits;
        bytes[2 * i] = static_cast<std::uint8_t>(bits),
                  bytes[2 * i + 1] = static_cast<std::uint8_t>(bits >> 8);
      } else {
        bytes[i] = static_cast<std::uint8_t>(value);
      }
    }
  }
};

// Empty where the body computes the products of rows.
std::string whyWrong(const Device& device, bool half) {
  KernelCall call{"mma_probe/mma_probe.cl", "mma_check", {{"D_MMA", "1"}, {"P_HALF", half ? "1" : "0"}}};
  const cl::Program program =
      buildProgram(device, ProgramSource::of(call), half ? "mma of half" : "mma of codes");
  return guarded("probing tensor cores", [&]() -> std::string {
    const cl::Context& context = device.impl().context();
    const cl::CommandQueue queue(context, device.impl().device);
    std::mt19937 random(7);
    Matrix x(half, random), w(half, random);
    const cl::Buffer dx(context, CL_MEM_COPY_HOST_PTR, x.bytes.size(), x.bytes.data());
    const cl::Buffer dw(context, CL_MEM_COPY_HOST_PTR, w.bytes.size(), w.bytes.data());
    std::vector<std::int32_t> sums(kRows * kRows);
    const cl::Buffer dy(context, CL_MEM_READ_WRITE, sums.size() * sizeof(std::int32_t));
    cl::Kernel check(program, "mma_check");
    check.setArg(0, dx), check.setArg(1, dw), check.setArg(2, dy);
    queue.enqueueNDRangeKernel(check, cl::NullRange, cl::NDRange(32), cl::NDRange(32));
    queue.enqueueReadBuffer(dy, CL_TRUE, 0, sums.size() * sizeof(std::int32_t), sums.data());
    const std::size_t length = x.numbers.size() / kRows;
    for (int pixel = 0; pixel < kRows; ++pixel)
      for (int channel = 0; channel < kRows; ++channel) {
        int sum = 0;
        for (std::size_t k = 0; k < length; ++k)
          sum += x.numbers[pixel * length + k] * w.numbers[channel * length + k];
        if (sums[pixel * kRows + channel] != sum) return "they compute another value than the definition";
      }
    return {};
  });
}

std::string probe(const Device& device) {
  const DeviceCaps& caps = device.caps();
  if (!caps.nvidia || caps.nvidiaComputeCapability < kMmaCapability)
    return "not an NVIDIA GPU of compute capability 8.0 or later";
  std::string why;
  try {
    for (const bool half : {true, false})
      if (why.empty()) why = whyWrong(device, half);
  } catch (const Error& e) {
    why = e.what();
  }
  if (!why.empty()) log().warn("{}: no tensor cores: {}", caps.name, why);
  return why;
}

}  // namespace

const std::string& Device::Impl::whyNoTensorCores(const Device& self) const {
  std::call_once(tensorCoresOnce_, [&] { whyNoTensorCores_ = probe(self); });
  return whyNoTensorCores_;
}

DeviceCaps mmaCaps(const Device& device) {
  DeviceCaps caps = device.caps();
  if (!device.impl().whyNoTensorCores(device).empty())
    caps.nvidiaComputeCapability = std::min(caps.nvidiaComputeCapability, kMmaCapability - 1);
  return caps;
}

}  // namespace tessera
