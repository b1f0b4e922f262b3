// softmax: over one axis, planar or blocked.
#include "ops/softmax.hpp"
#include "clkernels/common/rows.hpp"
#include "ops/axes.hpp"

namespace tessera {
namespace {

class Softmax final : public RowFamily {
 public:
  FamilyId id() const override { return {"softmax", 2}; }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    KernelCall call{"softmax/softmax.cl", "softmax"};
    addDefine(call.defines, "P_LOG", p.attrs.integer("log") != 0);
    addDefine(call.defines, "P_SHIFT",
              softmaxShift(rowsOf(p.inputs[0], p.outputs[0], reducedAxes(p)).length));
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    return launchRows(std::move(call), p, tactic);
  }
};

}  // namespace

void addFamilies_softmax(FamilyList& list) { list.add<Softmax>({"Softmax"}); }

}  // namespace tessera
