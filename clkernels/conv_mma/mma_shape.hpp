/// \file
/// A convolution or deconvolution, of halves or of codes, as the product over blocks of 16 channels that
/// conv_mma.cl computes.
#pragma once

#include "clkernels/common/quant.hpp"
#include "clkernels/conv_gemm/gemm_shape.hpp"

namespace tessera {

inline constexpr int kMmaBlock = 16;  ///< channels of a block

/// Empty where the operator can be computed this way, its input in blocks of so many channels; otherwise why
/// not.
std::string whyNoMma(const OpView& op, int inputBlock = kMmaBlock);

/// The same window over blocks: a floating-point operator with a sixteenth of the input channels, whose
/// layout counts blocks, and whose output channels are whole blocks, or quads where they lie in planes.
/// Only where whyNoMma is empty.
OpView blockView(const OpView& op);

/// Bytes of a block at one pixel.
int blockBytes(const OpView& op);

/// Weights as [group][tile of k][row][`tileBytes`], rows rounded up to `tileRows`; see conv_mma.cl.
PackedConstant packMmaWeights(const OpView& op, int tileRows, int tileBytes);

/// Weights as [group][tile of `tileRows` rows][chunk of 32 bytes of channels][tap][piece of 16 bytes][row of
/// the tile]; see conv_wgmma.cl.
PackedConstant packWgmmaWeights(const OpView& op, int tileRows);

/// Of f32 weights: pairs of halves as [group][tile of `tileRows` rows][block of 16 channels][tap][high,
/// low][piece of 8 channels][row of the tile], every output channel scaled; see conv_pairs.cl.
PackedConstant packPairWeights(const OpView& op, int tileRows);

/// Where a row is packed: an item's results shall be neighbours; see conv_mma/mma_tile.cl.
std::int64_t mmaPlaceOfRow(std::int64_t row);

/// The P_ and D_ macros of conv_mma.cl for `op`, whose window over blocks is `blocks`.
void addMmaDefines(Defines& defines, const OpView& op, const OpView& blocks, const DeviceCaps& device);

/// x, packed weights, packed channels, corrections, residual and y; the first two packed constants of the
/// launch are there already.
void addMmaArgs(Launch& launch, std::vector<KernelArg>& args, const OpView& op);

/// Work-groups of so many items, one for each tile and part of the sums (conv_gemm/split_sum.cl).
struct MmaGroups {
  int items = 0;
  std::int64_t tiles = 0;
  int split = 1;
  std::int64_t partialBytes = 0;  ///< of all parts, where there are several
};

/// The launch of `call` for `op`, whose two packed constants are there already: arguments, sizes, and room
/// for parts of the sums.
void addMmaCall(Launch& launch, KernelCall call, const OpView& op, const MmaGroups& groups);

/// A sample, of floats, of a convolution or (`transposed`) a deconvolution.
OpInstance mmaSample(bool transposed, Attributes attrs, Shape x, Shape weights, bool bias);

/// What the epilogue reads of channels: scales, multipliers, bias and slopes in one buffer; see conv_mma.cl.
PackedConstant packMmaChannels(const OpView& op);

/// The same for conv_pairs.cl, whose multipliers undo the scales of packPairWeights.
PackedConstant packPairChannels(const OpView& op);

}  // namespace tessera
