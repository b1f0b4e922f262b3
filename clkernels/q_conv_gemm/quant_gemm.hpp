/// \file
/// What the families of INT8 matrix products over words share: layouts, defines, arguments and packings. See
/// q_conv_gemm.cl.
#pragma once

#include "clkernels/conv_gemm/gemm_family.hpp"
#include "clkernels/q_conv_gemm/q_gemm_shape.hpp"

namespace tessera {

class QuantGemm : public GemmFamily {
 public:
  using GemmFamily::GemmFamily;
  /// Codes are in blocks of 4. Floats may be planar, too: the network's outputs are, and so are operands of
  /// floating-point layers.
  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps& device) const override;
  /// Shorter tiles of k, so that several groups find local memory side by side in one of the chain's.
  std::optional<Tactic> chained(const Problem& p, const DeviceCaps& device) const override;

 protected:
  std::string whyNot(const OpView& op, const DeviceCaps&) const override { return whyNoQuantGemm(op); }
  GemmProblem prepare(const OpView& op, const DeviceCaps& device) const override {
    return {wordView(op), device};
  }
  PackedConstant weights(const OpView& op, const GemmTactic& t) const override {
    return packQuantGemmWeights(op, t.m, t.k, t.flat != 0);
  }
  void addDefines(Defines& defines, const OpView& op, const GemmShape& words,
                  const DeviceCaps& device) const override;
  void addFinish(Launch& launch, std::vector<KernelArg>& args, const OpView& op) const override;
};

}  // namespace tessera
