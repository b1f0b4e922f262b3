// global_pool: one value per channel, planar or blocked; maxima of codes as well.
#include "clkernels/common/pooling.hpp"
#include "clkernels/common/rows.hpp"

namespace tessera {
namespace {

class GlobalPool final : public RowFamily {
 public:
  FamilyId id() const override { return {"global_pool", 1}; }
  bool ordersSums() const override { return true; }
  // The largest of codes is the code of the largest.
  Verdict takesTypes(const OpView& op) const override {
    const bool codes = op.inputs[0].type == DataType::Int8 && op.outputs[0].type == DataType::Int8;
    return codes && poolMode(op) == 0 ? Verdict::yes() : RowFamily::takesTypes(op);
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    KernelCall call{"global_pool/global_pool.cl", "global_pool"};
    addDefine(call.defines, "P_MODE", poolMode(p));
    addDefine(call.defines, "P_POWER", poolMode(p) == 2 ? p.attrs.integer("p", 2) : 2);
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    return launchRows(std::move(call), p, tactic);
  }
};

}  // namespace

void addFamilies_global_pool(FamilyList& list) { list.add<GlobalPool>({"GlobalPool"}); }

}  // namespace tessera
