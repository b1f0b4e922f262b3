/// \file
/// Tunables of conv_pairs.cl: their space and the choice made without tuning.
#pragma once

#include "clkernels/conv_wgmma/wgmma_tactic.hpp"

namespace tessera {

/// See conv_pairs.cl for what each one means.
struct PairsTactic {
  int m = 64, teams = 1, subs = 1, wide = 8, batch = 1, stages = 2, patches = 1, split = 1;
  static constexpr auto fields() {
    using F = Field<PairsTactic>;
    return std::tuple{F{"M", &PairsTactic::m},
                      F{"TEAMS", &PairsTactic::teams},
                      F{"SUBS", &PairsTactic::subs},
                      F{"WIDE", &PairsTactic::wide},
                      F{"BATCH", &PairsTactic::batch},
                      F{"STAGES", &PairsTactic::stages},
                      F{"PATCHES", &PairsTactic::patches},
                      F{"SPLIT", &PairsTactic::split}};
  }
  int pixels() const { return 64 * teams * subs; }      ///< of a tile
  int items() const { return 128 * teams + 128; }       ///< of a work-group
  int localBytes(const GemmShape& s) const;             ///< of a work-group
  std::int64_t tiles(const GemmShape& s) const;         ///< output tiles
  std::int64_t partialBytes(const GemmShape& s) const;  ///< sums of all parts; 0 where the sum is not split
};

/// `shape` counts blocks of 16 channels.
TacticSpace pairsSpace(const GemmShape& shape, const DeviceCaps& device);
/// Modelled time on an H200 without the launch, as mmaSeconds.
double pairsSeconds(const GemmShape& shape, const PairsTactic& t, const DeviceCaps& device);
/// The member of the space that the model likes best.
PairsTactic pairsFallback(const GemmShape& shape, const DeviceCaps& device);

}  // namespace tessera
