/// \file
/// Modelled time of q_conv_gemm.cl on a GPU.
#pragma once

#include "clkernels/conv_gemm/gemm_tactic.hpp"

namespace tessera {

/// Seconds of a product over words, launch included: only the order of tactics matters.
double quantGemmSeconds(const GemmShape& words, const GemmTactic& tactic, const DeviceCaps& device);

}  // namespace tessera
