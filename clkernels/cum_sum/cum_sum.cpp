// cum_sum: CumSum.
#include "clkernels/common/strided.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class CumSum final : public KernelFamily {
 public:
  FamilyId id() const override { return {"cum_sum", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override { return allPlanar(op); }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc& x = p.inputs[0];
    if (x.size() == 0) return {};
    const auto axis = static_cast<std::size_t>(normalAxis(p.attrs.integer("axis"), x.shape.size()));
    const std::int64_t lines = x.size() / x.shape[axis];
    KernelCall call{"cum_sum/cum_sum.cl", "cum_sum", {{"P_TYPE", clType(x.type)}}};
    addDefine(call.defines, "P_EXCLUSIVE", p.attrs.integer("exclusive") != 0);
    addDefine(call.defines, "P_REVERSE", p.attrs.integer("reverse") != 0);
    call.args = {KernelArg::input(0), KernelArg::output(0), KernelArg::ofInt(lines),
                 KernelArg::ofInt(x.shape[axis]),
                 KernelArg::ofInt(extentProduct(x.shape, axis + 1, x.shape.size()))};
    addPlaceArgs(call.args, x);
    addPlaceArgs(call.args, p.outputs[0]);
    setFlat(call, lines, device);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_cum_sum(FamilyList& list) { list.add<CumSum>({"CumSum"}); }

}  // namespace tessera
