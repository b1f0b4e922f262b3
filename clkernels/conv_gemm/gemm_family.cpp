// Launches of implicit matrix products.
#include "clkernels/conv_gemm/gemm_family.hpp"

namespace tessera {

Verdict GemmFamily::applies(const OpView& op, const DeviceCaps& device) const {
  if (const auto why = whyNot(op, device); !why.empty()) return Verdict::no(why);
  const GemmProblem problem = prepare(op, device);
  if (!gemmSpace(problem.shape, problem.freedom, device).contains(toTactic(untuned(problem, device))))
    return Verdict::no("no tile fits the device's local memory and work-group limit");
  return Verdict::yes();
}

Launch GemmFamily::plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const {
  const auto t = fromTactic<GemmTactic>(tactic);
  const GemmProblem problem = prepare(p, device);
  const GemmShape& shape = problem.shape;
  Launch launch;
  launch.packed = {weights(p, t)};
  KernelCall product{kernel_ + "/" + kernel_ + ".cl", t.addsAfterwards() ? "gemm_part" : kernel_,
                     tacticDefines(tactic)};
  addGeometryDefines(product.defines, shape);
  addDefines(product.defines, p, shape, device);
  const auto groupItems = static_cast<std::size_t>(t.items());
  product.local = {groupItems, 1};
  product.global = {groupItems * static_cast<std::size_t>(t.groups(shape)),
                    static_cast<std::size_t>(t.split)};
  product.args = {KernelArg::input(0), KernelArg::packed(0),
                  t.flat ? KernelArg::packed(1) : KernelArg::none()};
  if (t.flat) launch.packed.push_back(packGemmTable(problem.view, t.k));
  addPlace(product.args, problem.view.inputs[0]);
  if (!t.addsAfterwards()) {
    addFinish(launch, product.args, p);
    if (t.split > 1) addLastSum(launch, product, shape, t, device);
    launch.calls = {std::move(product)};
    return launch;
  }
  launch.scratch.push_back(static_cast<std::size_t>(t.partialBytes(shape)));
  product.args.push_back(KernelArg::scratch(0));
  KernelCall sum{product.source, "gemm_sum", product.defines};
  setFlat(sum, std::int64_t{shape.groups} * shape.rows * ceilDiv(shape.pixels(), 4), device);
  sum.args = {KernelArg::scratch(0)};
  addFinish(launch, sum.args, p);
  launch.calls = {std::move(product), std::move(sum)};
  return launch;
}

}  // namespace tessera
