/// \file
/// Host side of common/activation.cl: defines, arguments and packing for the epilogue of Convolution-like
/// operators (inputs x, weights, bias?, residual?, slope?; attributes activation, alpha, beta).
#pragma once

#include "clkernels/common/work_size.hpp"
#include "clkernels/family.hpp"

namespace tessera {

inline constexpr int kBiasInput = 2, kResidualInput = 3, kSlopeInput = 4;

/// Appends P_ACT, P_ALPHA, P_BETA, P_HAS_BIAS, P_HAS_RESIDUAL and P_SLOPE.
void addEpilogueDefines(Defines& defines, const OpView& op);

/// Appends the kernel arguments (bias, residual, slope). An absent operand is a null pointer. The residual
/// has a layout of its own: its offset and batchStride() go in separately where a kernel uses them.
void addEpilogueArgs(std::vector<KernelArg>& args, const OpView& op);

/// As above for families that load whole vectors of channels: bias and a slope per channel come as packed
/// constants, zero-padded to a multiple of `block` channels and appended to launch.packed. Both must be
/// constants.
void addPaddedEpilogueArgs(Launch& launch, std::vector<KernelArg>& args, const OpView& op, int block);

/// Why the epilogue can not be fused ("" where it can): an activation that the table does not mark, operands
/// of another type than f32.
std::string whyNoEpilogue(const OpView& op);

/// For samples(): a Convolution of f32 with constant weights, and a bias and a residual where they are
/// wanted.
OpInstance convolutionSample(Shape x, Shape weights, Attributes attrs, bool bias = true,
                             bool residual = false);

/// Constant input `input` (one value per channel) zero-padded to a multiple of `block`.
PackedConstant paddedChannels(int input, int block);

}  // namespace tessera
