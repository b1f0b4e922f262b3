/// \file
/// Tunables of conv_mma.cl: their space and the choice made without tuning.
#pragma once

#include "clkernels/conv_gemm/gemm_shape.hpp"
#include "clkernels/params.hpp"

namespace tessera {

/// See conv_mma.cl for what each one means.
struct MmaTactic {
  int m = 32, n = 32, k = 32, wm = 16, wn = 16, stages = 2, split = 1;
  static constexpr auto fields() {
    using F = Field<MmaTactic>;
    return std::tuple{F{"M", &MmaTactic::m},        F{"N", &MmaTactic::n},   F{"K", &MmaTactic::k},
                      F{"WM", &MmaTactic::wm},      F{"WN", &MmaTactic::wn}, F{"STAGES", &MmaTactic::stages},
                      F{"SPLIT", &MmaTactic::split}};
  }
  int items() const { return m / wm * (n / wn) * 32; }
  int localBytes() const { return stages * k * (m + n); }
  /// Output tiles.
  std::int64_t tiles(const GemmShape& s) const {
    return ceilDiv(s.rows, m) * s.groups * ceilDiv(s.pixels(), n);
  }
  /// Sums of all parts; 0 where the sum is not split.
  std::int64_t partialBytes(const GemmShape& s) const {
    return split == 1 ? 0 : split * tiles(s) * m * n * 4;
  }
};

/// A product of `shape`, over blocks of 16 channels of `blockBytes` bytes.
struct MmaProblem {
  GemmShape shape;
  int blockBytes;
  /// Tiles of k along the sum.
  int depth(const MmaTactic& t) const { return shape.tiles(std::max(1, t.k / blockBytes), false); }
  /// Operations of the operator; shape counts blocks.
  double operations() const { return shape.operations() * 16; }
};

TacticSpace mmaSpace(const MmaProblem& p, const DeviceCaps& device);
/// Modelled time on an H200 without the launch: only the order of tactics matters, and on GPUs roughly the
/// time.
double mmaSeconds(const MmaProblem& p, const MmaTactic& t, const DeviceCaps& device);
/// The member of the space that the model likes best.
MmaTactic mmaFallback(const MmaProblem& p, const DeviceCaps& device);

}  // namespace tessera
