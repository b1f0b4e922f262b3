// ps_roi_pool: PsRoiPool, planar.
#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

class PsRoiPool final : public KernelFamily {
 public:
  FamilyId id() const override { return {"ps_roi_pool", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    return allOf({inF32(op, {1}), sameFloatType(op, {0}), allPlanar(op)});
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    if (y.size() == 0) return {};
    KernelCall call{"ps_roi_pool/ps_roi_pool.cl", "ps_roi_pool"};
    call.defines.emplace_back("P_TYPE", clType(x.type));
    setFlat(call, y.size(), device);
    call.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::output(0)};
    addInts(call.args, {y.size(), x.shape[0], y.shape[1], y.shape[2], x.shape[2], x.shape[3]});
    call.args.push_back(KernelArg::ofFloat(static_cast<float>(p.attrs.number("scale", 1))));
    for (const TensorDesc* t : {&x, &p.inputs[1], &y}) addLayoutArgs(call.args, *t);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_ps_roi_pool(FamilyList& list) { list.add<PsRoiPool>({"PsRoiPool"}); }

}  // namespace tessera
