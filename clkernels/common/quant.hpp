/// \file
/// Host side of common/quant.cl and common/dot4.cl: defines and arguments of INT8 families.
#pragma once

#include "clkernels/common/epilogue.hpp"

namespace tessera {

inline constexpr int kMultiplierArgInput =
    5;  ///< index of the multipliers among a quantised operator's inputs

/// Appends the epilogue's defines, P_CODED, P_RESIDUAL_CODED, P_ZEROS, P_CORRECTED, P_BOUNDS and
/// D_DOT4.
void addQuantDefines(Defines& defines, const OpView& op, const DeviceCaps& device);

/// Kernel arguments: rate and zero point of the result's codes, then those of the residual's; 0 where absent.
void addQuantArgs(std::vector<KernelArg>& args, const OpView& op);
/// Those of the result alone.
void addRateArgs(std::vector<KernelArg>& args, const OpView& op);

/// Whether sums need a correction: the input's zero point is not 0.
bool isCorrected(const OpView& op);
/// Appends the corrections for the zero point of x as common/quant.cl reads them, added to launch.packed; a
/// null pointer where there is nothing to correct. Channels are padded to a multiple of `block`.
void addCorrections(Launch& launch, std::vector<KernelArg>& args, const OpView& op, int block);

/// Multipliers, bias and slopes of the output channels as one constant of three rows, each zero-padded to a
/// multiple of `block` channels; a single slope is the first of its row. One buffer costs a launch less than
/// three.
PackedConstant packedChannels(const OpView& op, int block);

/// Samples of a family in floats as instances of `op` in codes, those with an exact activation.
std::vector<OpInstance> quantisedTwins(const std::string& op, std::vector<OpInstance> samples);

/// Why the INT8 epilogue can not run this operator ("" where it can).
std::string whyNoQuantEpilogue(const OpView& op);

}  // namespace tessera
