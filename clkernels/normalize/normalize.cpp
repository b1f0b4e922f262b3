// normalize: InstanceNorm, LayerNorm, MeanVariance and LpNormalize, planar or blocked.
#include <algorithm>

#include "clkernels/common/rows.hpp"
#include "ops/axes.hpp"

namespace tessera {
namespace {

/// Which of the scale's values an element takes (P_SCALE and its arguments).
struct ScaleIndex {
  int kind = 0;
  std::int64_t divisor = 1, modulus = 1;
};

ScaleIndex scaleIndex(const OpView& op) {
  if (!op.has(1)) return {};
  if (op.inputs[1].size() == 1) return {3};
  if (op.op == "LayerNorm") return {2, 1, op.inputs[1].size()};
  const Shape& x = op.inputs[0].shape;
  const auto axes = reducedAxes(op);
  if (std::ranges::find(axes, 1) == axes.end()) return {1};
  ScaleIndex index{2, 1, x[1]};
  for (const std::int64_t axis : axes)
    if (axis > 1) index.divisor *= x[axis];
  return index;
}

class Normalize final : public RowFamily {
 public:
  FamilyId id() const override { return {"normalize", 1}; }
  bool ordersSums() const override { return true; }
  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const Verdict verdict = denseF32(op, {1, 2}); !verdict) return verdict;
    if (op.op == "LayerNorm" && op.has(2) && op.inputs[2].size() != op.inputs[1].size())
      return Verdict::no("scale and bias differ in size");
    return RowFamily::applies(op, device);
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const ScaleIndex scale = scaleIndex(p);
    KernelCall call{"normalize/normalize.cl", p.op == "LpNormalize" ? "lp_normalize" : "mean_variance"};
    addDefine(call.defines, "P_SCALE", scale.kind);
    addDefine(call.defines, "P_BIAS", p.has(2));
    addDefine(call.defines, "P_DIVIDE",
              p.attrs.integer("normalize_variance", 1) == 0 ? 0
              : p.attrs.integer("epsilon_outside")          ? 2
                                                            : 1);
    addDefine(call.defines, "P_POWER", p.attrs.integer("p", 2));
    const double epsilon = p.attrs.number("epsilon", p.op == "LpNormalize"    ? 0
                                                     : p.op == "MeanVariance" ? 1e-9
                                                                              : 1e-5);
    call.args = {KernelArg::input(0),
                 KernelArg::input(p.has(1) ? 1 : 0),
                 KernelArg::input(p.has(2) ? 2 : 0),
                 KernelArg::output(0),
                 KernelArg::ofInt(scale.divisor),
                 KernelArg::ofInt(scale.modulus),
                 KernelArg::ofFloat(static_cast<float>(epsilon))};
    return launchRows(std::move(call), p, tactic);
  }
};

}  // namespace

void addFamilies_normalize(FamilyList& list) {
  list.add<Normalize>({"InstanceNorm", "LayerNorm", "MeanVariance", "LpNormalize"});
}

}  // namespace tessera
