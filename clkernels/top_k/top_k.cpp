// top_k: TopK by counting ranks.
#include "clkernels/common/strided.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class TopK final : public KernelFamily {
 public:
  FamilyId id() const override { return {"top_k", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override { return allPlanar(op); }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc& x = p.inputs[0];
    if (p.outputs[0].size() == 0) return {};
    const auto axis = static_cast<std::size_t>(normalAxis(p.attrs.integer("axis", -1), x.shape.size()));
    KernelCall call{"top_k/top_k.cl", "top_k", {{"P_TYPE", clType(x.type)}}};
    addDefine(call.defines, "P_LARGEST", p.attrs.integer("largest", 1) != 0);
    call.args = {KernelArg::input(0), KernelArg::output(0), KernelArg::output(1)};
    addInts(call.args, {x.size(), x.shape[axis], extentProduct(x.shape, axis + 1, x.shape.size()),
                        p.outputs[0].shape[axis]});
    addPlaceArgs(call.args, x);
    addPlaceArgs(call.args, p.outputs[0]);
    addPlaceArgs(call.args, p.outputs[1]);
    setFlat(call, x.size(), device);
    return {{call}, {}, {}};
  }
  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const TensorDesc& x = p.inputs[0];
    const auto axis = static_cast<std::size_t>(normalAxis(p.attrs.integer("axis", -1), x.shape.size()));
    cost.operations = static_cast<double>(x.size()) * static_cast<double>(x.shape[axis]) * 2;
    return cost;
  }
};

}  // namespace

void addFamilies_top_k(FamilyList& list) { list.add<TopK>({"TopK"}); }

}  // namespace tessera
