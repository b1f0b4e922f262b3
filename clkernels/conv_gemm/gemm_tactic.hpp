/// \file
/// Tunables of conv_gemm.cl: their space and the choice made without tuning.
#pragma once

#include <span>

#include "clkernels/conv_gemm/gemm_shape.hpp"
#include "clkernels/params.hpp"

namespace tessera {

/// See conv_gemm.cl for what each one means.
struct GemmTactic {
  int m = 64, n = 64, k = 16, wm = 4, wn = 4, vx = 1, flat = 0, split = 1, sum = 0, async = 0;
  static constexpr auto fields() {
    using F = Field<GemmTactic>;
    return std::tuple{F{"M", &GemmTactic::m},       F{"N", &GemmTactic::n},
                      F{"K", &GemmTactic::k},       F{"WM", &GemmTactic::wm},
                      F{"WN", &GemmTactic::wn},     F{"VX", &GemmTactic::vx},
                      F{"FLAT", &GemmTactic::flat}, F{"SPLIT", &GemmTactic::split},
                      F{"SUM", &GemmTactic::sum},   F{"ASYNC", &GemmTactic::async}};
  }
  int items() const { return m / wm * (n / wn); }
  int localBytes() const { return std::max(async, 2) * k * (m + n) * static_cast<int>(sizeof(float)); }
  std::int64_t groups(const GemmShape& shape) const {
    return ceilDiv(shape.rows, m) * shape.groups * ceilDiv(shape.pixels(), n);
  }
  /// Whether a second kernel adds the parts of a split sum.
  bool addsAfterwards() const { return split > 1 && !sum; }
  /// Of the sums of all parts; 0 where the sum is not split.
  std::int64_t partialBytes(const GemmShape& shape) const {
    if (split == 1) return 0;
    const std::int64_t sums =
        sum ? groups(shape) * m * n : std::int64_t{shape.groups} * shape.rows * roundUp(shape.pixels(), 4);
    return split * sums * 4;
  }
};

/// What a problem allows beyond its shape.
struct GemmFreedom {
  bool vectorLoads = false;  ///< four neighbouring pixels of x can be read as a vector
  bool asyncCopies = false;  ///< NVIDIA from Ampere on, x and weights in f32
};
GemmFreedom gemmFreedom(const OpView& op, const GemmShape& shape, const DeviceCaps& device);

/// What a split sum asks of every kernel whose tactics these are.
void addSplitConstraints(TacticSpace& space, const GemmShape& shape, const DeviceCaps& device);
TacticSpace gemmSpace(const GemmShape& shape, const GemmFreedom& freedom, const DeviceCaps& device);
/// Rows and pixels of a work-group, and of an item.
struct GemmTile {
  int m, n, wm, wn;
};
/// Of `tiles` with every depth and split, the member of the space with the least `seconds`.
GemmTactic gemmBest(std::span<const GemmTile> tiles, const GemmShape& shape, const GemmFreedom& freedom,
                    const DeviceCaps& device, const std::function<double(const GemmTactic&)>& seconds);
/// The member of the space that the model of gemmSeconds likes best.
GemmTactic gemmFallback(const GemmShape& shape, const GemmFreedom& freedom, const DeviceCaps& device);
/// Modelled time on a GPU, launch included: only the order of tactics matters.
inline constexpr double kGemmLaunchSeconds = 5.3e-6;
double gemmSeconds(const GemmShape& shape, const GemmTactic& tactic, const DeviceCaps& device);

/// Modelled cycles that adding the parts of a split sum takes.
double splitCycles(const GemmShape& shape, const GemmTactic& tactic, const DeviceCaps& device);

/// What a product wants beyond its other arguments where its last work-groups add the parts
/// (conv_gemm/split_sum.cl).
void addLastSum(Launch& launch, KernelCall& product, const GemmShape& shape, const GemmTactic& tactic,
                const DeviceCaps& device);

/// Instructions of 32 lanes that a work-group starts per tile of k, those that multiply among them; tiles.
struct GemmWork {
  double products, instructions, tiles;
};
GemmWork gemmWork(const GemmShape& shape, const GemmTactic& tactic);
/// As above, for a unit that needs `issue` cycles to start a tile's instructions, each `perInstruction`
/// cycles of a group's latency.
double gemmSeconds(const GemmShape& shape, const GemmTactic& tactic, const DeviceCaps& device, double issue,
                   double perInstruction);

}  // namespace tessera
