/// \file
/// Modelled time of q_conv_gemm.cl on a GPU, and the untuned choice that follows from it.
#pragma once

#include "clkernels/conv_gemm/gemm_tactic.hpp"

namespace tessera {

/// The tactic used untuned: of the tiles worth trying, the one with the least modelled time.
GemmTactic quantGemmFallback(const GemmShape& words, const GemmFreedom& freedom, const DeviceCaps& device);
/// Seconds of a product over words, launch included: only the order of tactics matters.
double quantGemmSeconds(const GemmShape& words, const GemmTactic& tactic, const DeviceCaps& device);

}  // namespace tessera
