// global_pool: one value per channel, planar or blocked.
#include "clkernels/common/rows.hpp"
#include "ops/axes.hpp"

namespace tessera {
namespace {

class GlobalPool final : public KernelFamily {
 public:
  FamilyId id() const override { return {"global_pool", 1}; }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    return allOf({sameFloatType(op, {0}), sameBlock(op)});
  }
  TacticSpace space(const Problem&, const DeviceCaps& device) const override { return rowSpace(device); }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const Rows rows = rowsOf(p.inputs[0], p.outputs[0], reducedAxes(p));
    return rowFallback(rows.rows, rows.length, device);
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const Rows rows = rowsOf(p.inputs[0], p.outputs[0], reducedAxes(p));
    const std::string mode = p.attrs.string("mode", "max");
    KernelCall call{"global_pool/global_pool.cl", "global_pool"};
    addDefine(call.defines, "P_MODE", mode == "max" ? 0 : mode == "average" ? 1 : 2);
    addDefine(call.defines, "P_POWER", mode == "lp" ? p.attrs.integer("p", 2) : 2);
    addElementDefine(call.defines, p.inputs[0]);
    setRowRange(call, rows.rows, tactic);
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    addRowArgs(call.args, rows, p, tactic);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_global_pool(FamilyList& list) {
  static const GlobalPool globalPool;
  list.add(globalPool, {"GlobalPool"});
}

}  // namespace tessera
