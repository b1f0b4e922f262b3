/// \file
/// Host side of conv_direct/tile.cl: the tactic that the tiled CPU families share, its space and its untuned
/// choice.
#pragma once

#include "clkernels/common/finish.hpp"
#include "ops/geometry.hpp"

namespace tessera {

/// Output pixels and groups of 16 channels in registers; tiles per work-item; input blocks per pass (0: all).
struct TileTactic {
  int tx = 1, tk = 1, region = 1, panel = 0;
  static constexpr auto fields() {
    using T = TileTactic;
    return std::tuple{Field<T>{"TX", &T::tx}, Field<T>{"TK", &T::tk}, Field<T>{"REGION", &T::region},
                      Field<T>{"PANEL", &T::panel}};
  }
};

/// The work to be cut into tiles, as a matrix of output pixels x output channels.
struct TileWork {
  std::int64_t rows = 1, columns = 1;  ///< output rows and the pixels of one, as tiles run along them
  std::int64_t kBlocks = 1, groups = 1, batch = 1;  ///< blocks of 16 output channels in one of `groups`
  std::int64_t channels = 1, taps = 1;              ///< input channels of a group; taps of one output row
  int block = 16;                                   ///< of the input
  std::int64_t patchFloats =
      0;  ///< scratch of one work-item for a tile of `tx` = 1, and more for each further pixel
  std::int64_t patchFloatsPerPixel = 0;

  std::int64_t tilesPerRow(const TileTactic& t) const { return ceilDiv(columns, t.tx); }
  std::int64_t inputBlocks() const { return ceilDiv(channels, block); }
};

/// Where the regions of a tactic lie: each `rows` x `columns` output pixels (of TileWork), `count` of them.
struct TileRegions {
  std::int64_t rows = 1, columns = 1, count = 1;
};
TileRegions tileRegions(const TileWork& work, const TileTactic& tactic);
std::size_t patchBytes(const TileWork& work, const TileTactic& tactic);

/// Whether operands, types, layouts and groups suit the tiled families.
Verdict tileApplies(const OpView& op, const DeviceCaps& device);
/// The call with its defines, range and arguments up to the operands' offsets and batch strides; adds the
/// epilogue's packed constants and the patches to `launch`, whose first packed constant must be the weights.
KernelCall tileCall(Launch& launch, const OpView& op, const TileWork& work, const TileTactic& tactic,
                    const std::string& source, const std::string& entry, const DeviceCaps& device);
/// Cost of `operations` in total, at the efficiency of the untuned tactic.
Cost tileCost(Cost operands, double operations, const Window& window, const TileWork& work,
              const DeviceCaps& device);

TacticSpace tileSpace(const TileWork& work, const DeviceCaps& device);
TileTactic tileFallback(const TileWork& work, const DeviceCaps& device);
/// Expected fraction of the device's peak for a tactic: what padding and short reductions leave.
double tileEfficiency(const TileWork& work, const TileTactic& tactic, const DeviceCaps& device);

}  // namespace tessera
