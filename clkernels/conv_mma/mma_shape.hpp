/// \file
/// A convolution or deconvolution, of halves or of codes, as the product over blocks of 16 channels that
/// conv_mma.cl computes.
#pragma once

#include "clkernels/common/quant.hpp"
#include "clkernels/conv_gemm/gemm_shape.hpp"

namespace tessera {

inline constexpr int kMmaBlock = 16;  ///< channels of a block

/// Empty where the operator can be computed this way; otherwise why not.
std::string whyNoMma(const OpView& op);

/// The same window over blocks: a floating-point operator with a sixteenth of the input channels, whose
/// layout counts blocks, and whose output channels are whole blocks, or quads where they lie in planes.
/// Only where whyNoMma is empty.
OpView blockView(const OpView& op);

/// Bytes of a block at one pixel.
int blockBytes(const OpView& op);

/// Weights as [group][tile of k][row][`tileBytes`], rows rounded up to `tileRows`; see conv_mma.cl.
PackedConstant packMmaWeights(const OpView& op, int tileRows, int tileBytes);

/// What the epilogue reads of channels: scales, multipliers, bias and slopes in one buffer; see conv_mma.cl.
PackedConstant packMmaChannels(const OpView& op);

}  // namespace tessera
