/// \file
/// Host side of q_conv_direct/q_tile.cl: what the tiled INT8 families for CPUs share. Tactic, work and
/// regions are those of the f32 families (TileWork::block counts channels of an input block, padding lanes
/// included).
#pragma once

#include "clkernels/common/quant.hpp"
#include "clkernels/conv_direct/tile.hpp"

namespace tessera {

/// Input channels of a step over blocks: 16, or one group of four.
inline int tileDepth(int block) { return block == 16 ? 16 : 4; }

inline constexpr std::int64_t kMaxPatchWords = 16 << 10;
/// Words of private memory for the input that a tile sees: P_PATCH, a power of two.
std::int64_t patchWords(const TileWork& work, const TileTactic& tactic);

/// Bytes of all sums that wait between passes over the input blocks; 0 where there is one pass.
std::int64_t sumBytes(const TileWork& work, const TileTactic& tactic);

TacticSpace quantTileSpace(const TileWork& work, bool panels, const DeviceCaps& device);
TileTactic quantTileFallback(const TileWork& work, const DeviceCaps& device, bool panels);

/// Whether operands, types, layouts and groups suit the tiled families.
Verdict quantTileApplies(const OpView& op, const DeviceCaps& device);

/// Where weight [k][c][tap] of an operator lies in its constant, and at which tap of the packed order.
struct WeightOrder {
  std::string name;
  std::function<std::int64_t(std::int64_t k, std::int64_t c, std::int64_t tap)>
      source;  ///< c within the group
  std::function<std::int64_t(std::int64_t tap)> place;
};
/// [group][tile][input blocks][taps][quads][TK * 16][4]
PackedConstant packQuantWeights(const Window& w, int depth, int tk, const WeightOrder& order);
/// [group][tile][taps][TK * 16]: -128 times the sum of a tap's weights
PackedConstant packCorrections(const Window& w, int tk, const WeightOrder& order);

/// The call with its defines, range and arguments up to the result; sets launch.packed.
KernelCall quantTileCall(Launch& launch, const OpView& op, const Window& w, const TileWork& work,
                         const TileTactic& tactic, const WeightOrder& order, const std::string& stem,
                         const DeviceCaps& device);

/// Appends the choice `like` with a planar output where the result is floats: those are the network's
/// outputs.
void addPlanarOutput(std::vector<BlockChoice>& choices, const OpView& op, BlockChoice like);

/// Cost of `operations` in total, at the efficiency of the untuned tactic.
Cost quantTileCost(const OpView& op, Cost operands, double operations, const Window& w, const TileWork& work,
                   const TileTactic& tactic, const DeviceCaps& device);

/// The floating-point families' samples in codes.
std::vector<OpInstance> quantTileSamples(const std::string& op, const char* floatFamily);

}  // namespace tessera
