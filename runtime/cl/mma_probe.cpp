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

constexpr int kRowBytes = 32;  // of a row: 16 halves or 32 codes
constexpr int kPiece = 16;     // bytes

// A matrix of small integers, whose sums are exact in either arithmetic, as numbers and as bytes.
struct Matrix {
  std::vector<int> numbers;
  std::vector<std::uint8_t> bytes;

  Matrix(bool half, int rows, std::mt19937& random) : bytes(static_cast<std::size_t>(rows) * kRowBytes) {
    const int length = half ? kRowBytes / 2 : kRowBytes;
    for (int i = 0; i < rows * length; ++i) {
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

  // Piece by piece instead of row by row.
  std::vector<std::uint8_t> byPieces() const {
    std::vector<std::uint8_t> all(bytes.size());
    const std::size_t rows = bytes.size() / kRowBytes;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      all[(i % kRowBytes / kPiece * rows + i / kRowBytes) * kPiece + i % kPiece] = bytes[i];
    return all;
  }
};

// What is probed: a kernel that makes the sums of so many pixels and as many channels.
struct Check {
  KernelCall call;
  std::size_t rows, items;
  bool pieces;  // operands lie piece by piece
};
Check mmaCheck(bool half) {
  return {
      {"mma_probe/mma_probe.cl", "mma_check", {{"D_MMA", "1"}, {"P_HALF", half ? "1" : "0"}}}, 16, 32, false};
}
Check wgmmaCheck(bool half) {
  return {{"mma_probe/wgmma_probe.cl",
           "wgmma_check",
           {{"D_MMA", "1"},
            {"D_WGMMA", "1"},
            {kPtxTarget, "sm_90a"},
            {"P_HALF", half ? "1" : "0"},
            {"PROBE_PIECES", std::to_string((kWgmmaLocalBytes - kPiece) / kPiece)}}},
          64,
          128,
          true};
}

// Empty where the kernel computes the products of rows.
std::string whyMmaWrong(const Device& device, const Check& what, bool half) {
  const cl::Program program =
      buildProgram(device, ProgramSource::of(what.call), what.call.entry + (half ? " of half" : " of codes"));
  return guarded("probing tensor cores", [&]() -> std::string {
    const cl::Context& context = device.impl().context();
    const cl::CommandQueue queue(context, device.impl().device);
    std::mt19937 random(7);
    const int rows = static_cast<int>(what.rows);
    Matrix x(half, rows, random), w(half, rows, random);
    if (what.pieces) x.bytes = x.byPieces(), w.bytes = w.byPieces();
    const cl::Buffer dx(context, CL_MEM_COPY_HOST_PTR, x.bytes.size(), x.bytes.data());
    const cl::Buffer dw(context, CL_MEM_COPY_HOST_PTR, w.bytes.size(), w.bytes.data());
    std::vector<std::int32_t> sums(what.rows * what.rows);
    const cl::Buffer dy(context, CL_MEM_READ_WRITE, sums.size() * sizeof(std::int32_t));
    cl::Kernel check(program, what.call.entry.c_str());
    check.setArg(0, dx), check.setArg(1, dw), check.setArg(2, dy);
    queue.enqueueNDRangeKernel(check, cl::NullRange, cl::NDRange(what.items), cl::NDRange(what.items));
    queue.enqueueReadBuffer(dy, CL_TRUE, 0, sums.size() * sizeof(std::int32_t), sums.data());
    const std::size_t length = x.numbers.size() / what.rows;
    for (int pixel = 0; pixel < rows; ++pixel)
      for (int channel = 0; channel < rows; ++channel) {
        int sum = 0;
        for (std::size_t k = 0; k < length; ++k)
          sum += x.numbers[pixel * length + k] * w.numbers[channel * length + k];
        if (sums[pixel * rows + channel] != sum) return "they compute another value than the definition";
      }
    return {};
  });
}

std::string probe(const Device& device, const char* name, Check (*check)(bool half)) {
  const DeviceCaps& caps = device.caps();
  std::string why;
  try {
    for (const bool half : {true, false})
      if (why.empty()) why = whyMmaWrong(device, check(half), half);
  } catch (const Error& e) {
    why = e.what();
  }
  if (!why.empty()) log().warn("{}: no {}: {}", caps.name, name, why);
  return why;
}

}  // namespace

const std::string& Device::Impl::whyNoTensorCores(const Device& self) const {
  std::call_once(tensorCoresOnce_, [&] {
    whyNoTensorCores_ = caps.nvidia && caps.nvidiaComputeCapability >= kMmaCapability
                            ? probe(self, "tensor cores", mmaCheck)
                            : "not an NVIDIA GPU of compute capability 8.0 or later";
  });
  return whyNoTensorCores_;
}

const std::string& Device::Impl::whyNoWgmma(const Device& self) const {
  std::call_once(wgmmaOnce_, [&] {
    whyNoWgmma_ =
        hasWgmma(caps) ? probe(self, "wgmma", wgmmaCheck) : "not an NVIDIA GPU of compute capability 9.0";
  });
  return whyNoWgmma_;
}

DeviceCaps mmaCaps(const Device& device) {
  DeviceCaps caps = device.caps();
  const auto lower = [&](int capability) {
    caps.nvidiaComputeCapability = std::min(caps.nvidiaComputeCapability, capability);
  };
  if (!device.impl().whyNoTensorCores(device).empty()) lower(kMmaCapability - 1);
  if (hasWgmma(caps) && !device.impl().whyNoWgmma(device).empty()) lower(kWgmmaCapability - 1);
  return caps;
}

}  // namespace tessera
