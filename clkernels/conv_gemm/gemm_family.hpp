/// \file
/// What the families of implicit matrix products share, whatever they multiply: floats (conv_gemm), or words
/// of four codes (q_conv_gemm).
#pragma once

#include "clkernels/common/in_chains.hpp"
#include "clkernels/conv_gemm/gemm_tactic.hpp"

namespace tessera {

/// An operator as the product that is computed.
struct GemmProblem {
  OpView view;  ///< over what is multiplied: the operator itself, or its twin over words of codes
  GemmShape shape;
  GemmFreedom freedom;
  GemmProblem(OpView multiplied, const DeviceCaps& device)
      : view(std::move(multiplied)), shape(gemmShape(view)), freedom(gemmFreedom(view, shape, device)) {}
};

/// Its kernels lie in clkernels/<kernel>/<kernel>.cl: `<kernel>`, and for sums that a second kernel adds
/// `gemm_part` and `gemm_sum`.
class GemmFamily : public KernelFamily, public InChains {
 public:
  GemmFamily(std::string_view name, std::string kernel) : name_(name), kernel_(std::move(kernel)) {}
  FamilyId id() const override { return {name_, 1}; }
  bool addsInPlace() const override { return true; }
  Verdict applies(const OpView& op, const DeviceCaps& device) const override;
  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    const GemmProblem problem = prepare(p, device);
    return gemmSpace(problem.shape, problem.freedom, device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(untuned(prepare(p, device), device));
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override;

 protected:
  std::string_view name() const { return name_; }
  /// Empty where the operator can be computed this way on the device; otherwise why not.
  virtual std::string whyNot(const OpView& op, const DeviceCaps& device) const = 0;
  virtual GemmProblem prepare(const OpView& op, const DeviceCaps& device) const = 0;
  virtual GemmTactic untuned(const GemmProblem& p, const DeviceCaps& device) const = 0;
  virtual PackedConstant weights(const OpView& op, const GemmTactic& tactic) const = 0;
  /// The P_ macros besides those of addGeometryDefines().
  virtual void addDefines(Defines& defines, const OpView& op, const GemmShape& shape,
                          const DeviceCaps& device) const = 0;
  /// The arguments of the epilogue and of where results go.
  virtual void addFinish(Launch& launch, std::vector<KernelArg>& args, const OpView& op) const = 0;

 private:
  std::string_view name_;
  std::string kernel_;
};

}  // namespace tessera
