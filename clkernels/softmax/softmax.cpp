// softmax: over one axis, planar or blocked.
#include "clkernels/common/rows.hpp"
#include "ops/axes.hpp"

namespace tessera {
namespace {

class Softmax final : public KernelFamily {
 public:
  FamilyId id() const override { return {"softmax", 1}; }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (!rowsOf(op.inputs[0], op.outputs[0], reducedAxes(op)).fits)
      return Verdict::no("the extents do not form rows");
    return allOf({sameFloatType(op, {0}), sameBlock(op)});
  }
  TacticSpace space(const Problem&, const DeviceCaps& device) const override { return rowSpace(device); }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const Rows rows = rowsOf(p.inputs[0], p.outputs[0], reducedAxes(p));
    return rowFallback(rows.rows, rows.length, device);
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const Rows rows = rowsOf(p.inputs[0], p.outputs[0], reducedAxes(p));
    KernelCall call{"softmax/softmax.cl", "softmax"};
    addDefine(call.defines, "P_LOG", p.attrs.integer("log") != 0);
    addElementDefine(call.defines, p.inputs[0]);
    setRowRange(call, rows.rows, tactic);
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    addRowArgs(call.args, rows, p, tactic);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_softmax(FamilyList& list) {
  static const Softmax softmax;
  list.add(softmax, {"Softmax"});
}

}  // namespace tessera
