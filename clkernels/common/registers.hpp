/// \file
/// What the vector registers of a CPU hold: the families that keep tiles of sums in registers choose them by
/// it. All numbers are in vectors of 16 floats, as kernels write them; AVX2 and NEON split each into several
/// registers.
#pragma once

#include <algorithm>

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

}  // namespace tessera
