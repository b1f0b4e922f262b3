// unpool: scatter to the positions that max pooling kept.
#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

class Unpool final : public KernelFamily {
 public:
  FamilyId id() const override { return {"unpool", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override { return allPlanar(op); }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    const Defines defines = {{"P_TYPE", rawType(y.type)}};
    KernelCall fill{"unpool/unpool.cl", "fill", defines}, scatter{"unpool/unpool.cl", "unpool", defines};
    setFlat(fill, y.size(), device);
    fill.args = {KernelArg::output(0), KernelArg::ofInt(y.size()), KernelArg::ofInt(y.itemElements())};
    addLayoutArgs(fill.args, y);
    setFlat(scatter, x.size(), device);
    scatter.args = {KernelArg::input(0),
                    KernelArg::input(1),
                    KernelArg::output(0),
                    KernelArg::ofInt(x.size()),
                    KernelArg::ofInt(x.itemElements()),
                    KernelArg::ofInt(y.itemElements()),
                    KernelArg::ofInt(y.size())};
    for (const TensorDesc& t : {x, p.inputs[1], y}) addLayoutArgs(scatter.args, t);
    return {{fill, scatter}, {}, {}};
  }
};

}  // namespace

void addFamilies_unpool(FamilyList& list) { list.add<Unpool>({"Unpool"}); }

}  // namespace tessera
