/// \file
/// Tunables of conv_wgmma.cl: their space and the choice made without tuning.
#pragma once

#include "clkernels/conv_mma/mma_tactic.hpp"

namespace tessera {

/// See conv_wgmma.cl for what each one means.
struct WgmmaTactic {
  int m = 64, teams = 1, subs = 1, wide = 8, batch = 1, stages = 2, split = 1;
  static constexpr auto fields() {
    using F = Field<WgmmaTactic>;
    return std::tuple{F{"M", &WgmmaTactic::m},         F{"TEAMS", &WgmmaTactic::teams},
                      F{"SUBS", &WgmmaTactic::subs},   F{"WIDE", &WgmmaTactic::wide},
                      F{"BATCH", &WgmmaTactic::batch}, F{"STAGES", &WgmmaTactic::stages},
                      F{"SPLIT", &WgmmaTactic::split}};
  }
  int pixels() const { return 64 * teams * subs; }      ///< of a tile
  int items() const { return 128 * teams + 64; }        ///< of a work-group
  int localBytes(const MmaProblem& p) const;            ///< of a work-group
  std::int64_t tiles(const GemmShape& s) const;         ///< output tiles
  std::int64_t partialBytes(const GemmShape& s) const;  ///< sums of all parts; 0 where the sum is not split
};

/// Local memory of a work-group whose program is for Hopper's own target, or emulates one.
int wgmmaLocalBytes(const DeviceCaps& device);

/// Positions of the patch of a tile of `pixels`, in a rectangle of `wide` pixels or, where that is 0, a run.
std::int64_t wgmmaPatch(const GemmShape& s, int pixels, int wide);
/// Tiles of so many pixels, of all images.
std::int64_t wgmmaPixelTiles(const GemmShape& s, int pixels, int wide);
/// How many taps may be a batch: whole ones where taps are unrolled.
std::vector<int> wgmmaBatches(const GemmShape& s);

/// Chunks of 32 bytes of channels.
int wgmmaChunks(const MmaProblem& p);

TacticSpace wgmmaSpace(const MmaProblem& p, const DeviceCaps& device);
/// Modelled time on an H200 without the launch, as mmaSeconds.
double wgmmaSeconds(const MmaProblem& p, const WgmmaTactic& t, const DeviceCaps& device);
/// The member of the space that the model likes best.
WgmmaTactic wgmmaFallback(const MmaProblem& p, const DeviceCaps& device);

}  // namespace tessera
