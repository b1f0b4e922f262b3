/// \file
/// What the vector registers of a CPU hold: the families that keep tiles of sums in registers choose them by
/// it. All numbers are in vectors of 16 floats, as kernels write them; AVX2 and NEON split each into several
/// registers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tessera/device.hpp"

namespace tessera {

struct VectorRegisters {
  explicit VectorRegisters(const DeviceCaps& device) : wide(device.avx512) {}

  bool wide;  ///< a vector is one register, of 32 (AVX-512); else two of 16 (AVX2), or four of 32 (NEON)

  double fit() const { return wide ? 32 : 8; }  ///< vectors that fit
  /// Vectors worth trying: some loads are saved at the price of spills, which stay in the first-level cache.
  double most() const { return wide ? 32 : 16; }
  /// A step of `sums` multiply-adds to as many accumulators with `operands` vectors beside them, in
  /// multiply-adds. Few accumulators wait for each other: a multiply-add takes four cycles, of which two
  /// begin in each. What does not fit the registers is loaded and stored in every step (measured with
  /// conv_planar on Zen 3: 9 to 25 sums take 1.3 to 1.5 steps more for each that spills). Without AVX-512 a
  /// broadcast takes a register of its own.
  double step(double sums, double operands) const {
    const double spilled = wide ? 0 : std::max(0.0, sums + operands + 0.5 - fit());
    return std::max(sums, wide ? 10.0 : 5.0) + 1.3 * spilled;
  }
};

/// Whether sums of `k` channels x `v` vectors of neighbouring pixels fit, and the pixels beside them.
inline bool pixelsFit(int k, int v, const DeviceCaps& device) {
  // With one vector of pixels the compiler folds broadcasts into the multiply-adds.
  return k * v + v * (v > 1 ? 2 : 1) <= VectorRegisters(device).most() - 2;
}
/// Channels in registers that are worth trying of so many: multiples of four, and those that waste fewer than
/// one less does.
inline std::vector<int> pixelChannels(std::int64_t channels) {
  const auto tiles = [&](int k) { return (channels + k - 1) / k; };
  std::vector<int> counts;
  for (int k = 1; k <= std::min<std::int64_t>(28, channels); ++k)
    if (k % 4 == 0 || channels % k == 0 || tiles(k) < tiles(k - 1)) counts.push_back(k);
  return counts;
}

}  // namespace tessera
