/// \file
/// An INT8 convolution or deconvolution as the product of words (four codes each) that q_conv_gemm.cl
/// computes.
#pragma once

#include "clkernels/common/quant.hpp"
#include "clkernels/conv_gemm/gemm_shape.hpp"

namespace tessera {

/// Empty where the operator can be computed this way; otherwise why not.
std::string whyNoQuantGemm(const OpView& op);

/// Whether four neighbouring rows are four output phases of one channel, which makes planar floats leave in
/// vectors; else they are four channels of one output pixel.
bool rowsArePhases(const OpView& op);

/// The floating-point operator of the same geometry, planar and in f32, without an epilogue: for helpers that
/// know those.
OpView plainTwin(const OpView& op);

/// The same window over units of `unit` channels, with `outputs` output channels a group: a floating-point
/// operator whose layouts count units of the input.
OpView viewOverUnits(const OpView& op, std::int64_t unit, std::int64_t outputs);

/// The same window over words: a floating-point operator with a quarter of the input channels, whose layout
/// counts words, and whose output channels are whole blocks of four unless rowsArePhases(). Only where
/// whyNoQuantGemm is empty.
OpView wordView(const OpView& op);

/// Weights as words [group][k][row], rows rounded up to `tileRows`, k to whole tiles of `depth`; the order of
/// rows and k as q_conv_gemm.cl has it.
PackedConstant packQuantGemmWeights(const OpView& op, int tileRows, int depth, bool flat);

}  // namespace tessera
