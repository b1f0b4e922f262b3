// one_hot: OneHot.
#include "clkernels/common/strided.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class OneHot final : public KernelFamily {
 public:
  FamilyId id() const override { return {"one_hot", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override { return allPlanar(op); }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc& y = p.outputs[0];
    if (y.size() == 0) return {};
    const auto axis = static_cast<std::size_t>(normalAxis(p.attrs.integer("axis", -1), y.shape.size()));
    KernelCall call{"one_hot/one_hot.cl",
                    "one_hot",
                    {{"P_TYPE", rawType(y.type)}, {"P_INDEX", clType(p.inputs[0].type)}}};
    call.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::output(0)};
    addInts(call.args, {y.size(), y.shape[axis], extentProduct(y.shape, axis + 1, y.shape.size()),
                        p.inputs[1].layout.offset});
    addPlaceArgs(call.args, p.inputs[0]);
    addPlaceArgs(call.args, y);
    setFlat(call, y.size(), device);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_one_hot(FamilyList& list) { list.add<OneHot>({"OneHot"}); }

}  // namespace tessera
