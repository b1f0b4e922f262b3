/// \file
/// Host side of common/quant.cl and common/dot4.cl: defines and arguments of INT8 families.
#pragma once

#include "clkernels/common/epilogue.hpp"

namespace tessera {

inline constexpr int kMultiplierArgInput =
    5;  ///< index of the multipliers among a quantised operator's inputs

/// Appends the epilogue's defines, P_CODED, P_RESIDUAL_CODED and D_DOT4.
void addQuantDefines(Defines& defines, const OpView& op, const DeviceCaps& device);

/// rate and residual_scale as kernel arguments, in that order; 0 where absent.
void addQuantArgs(std::vector<KernelArg>& args, const OpView& op);

/// Multipliers, bias and slopes of the output channels as one constant of three rows, each zero-padded to a
/// multiple of `block` channels; a single slope is the first of its row. One buffer costs a launch less than
/// three.
PackedConstant packedChannels(const OpView& op, int block);

/// Samples of a family in floats as instances of `op` in codes, those with an exact activation.
std::vector<OpInstance> quantisedTwins(const std::string& op, std::vector<OpInstance> samples);

/// Why the INT8 epilogue can not run this operator ("" where it can).
std::string whyNoQuantEpilogue(const OpView& op);

}  // namespace tessera
