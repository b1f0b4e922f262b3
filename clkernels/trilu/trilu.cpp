// trilu: Trilu.
#include <algorithm>

#include "clkernels/common/strided.hpp"

namespace tessera {
namespace {

class Trilu final : public KernelFamily {
 public:
  FamilyId id() const override { return {"trilu", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override { return allPlanar(op); }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    if (y.size() == 0) return {};
    KernelCall call{"trilu/trilu.cl", "trilu", {{"P_TYPE", rawType(y.type)}}};
    addDefine(call.defines, "P_UPPER", p.attrs.integer("upper", 1) != 0);
    const std::int64_t reach = x.shape.back() + x.shape[x.shape.size() - 2];  // beyond it k changes nothing
    call.args = {KernelArg::input(0),
                 KernelArg::output(0),
                 KernelArg::ofInt(y.size()),
                 KernelArg::ofInt(x.shape[x.shape.size() - 2]),
                 KernelArg::ofInt(x.shape.back()),
                 KernelArg::ofInt(std::clamp(p.attrs.integer("k"), -reach, reach))};
    addPlaceArgs(call.args, x);
    addPlaceArgs(call.args, y);
    setFlat(call, y.size(), device);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_trilu(FamilyList& list) { list.add<Trilu>({"Trilu"}); }

}  // namespace tessera
