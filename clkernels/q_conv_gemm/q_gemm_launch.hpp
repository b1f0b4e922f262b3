/// \file
/// What the families of INT8 matrix products over words share: layouts, defines, arguments and packings. See
/// q_conv_gemm.cl.
#pragma once

#include "clkernels/conv_gemm/gemm_tactic.hpp"
#include "clkernels/q_conv_gemm/q_gemm_shape.hpp"

namespace tessera {

/// The problem as the tactics see it.
struct QuantGemmWords {
  OpView view;
  GemmShape shape;
  GemmFreedom freedom;
  QuantGemmWords(const OpView& op, const DeviceCaps& device);
};

/// Codes are in blocks of 4. Floats may be planar, too: the network's outputs are, and so are operands of
/// floating-point layers.
std::vector<BlockChoice> quantGemmBlocks(const OpView& op);

/// A kernel for the product: `entry`, or `entry`_part where the sum is split; work-items of a work-group; the
/// order of the packed weights' rows.
struct QuantGemmKernel {
  std::string source, entry;
  int items = 1;
  RowOrder rows = RowOrder::Plain;
};
/// The product with its epilogue; with tactic.split > 1 two calls.
Launch quantGemmLaunch(const OpView& op, const QuantGemmKernel& kernel, const GemmTactic& tactic,
                       const DeviceCaps& device);

}  // namespace tessera
