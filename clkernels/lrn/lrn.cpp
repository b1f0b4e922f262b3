// lrn: local response normalisation, planar or blocked.
#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

class Lrn final : public KernelFamily {
 public:
  FamilyId id() const override { return {"lrn", 1}; }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    return allOf({sameFloatType(op, {0}), sameBlock(op)});
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    const bool within = p.attrs.string("region", "across") == "within";
    const std::int64_t size = p.attrs.integer("size"), count = x.shape[0] * x.itemElements();
    const double cells = static_cast<double>(within ? size * size : size);
    KernelCall call{"lrn/lrn.cl", "lrn"};
    addDefine(call.defines, "P_WITHIN", within);
    const double fourths = 4 * p.attrs.number("beta", 0.75);
    addDefine(call.defines, "P_ROOTS",
              fourths == 2 || fourths == 3 || fourths == 4 ? static_cast<int>(fourths) : 0);
    call.defines.emplace_back("P_TYPE", clType(x.type));
    setFlat(call, count, device);
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    addInts(call.args, {count, std::int64_t{x.layout.block}, paddedChannelCount(x), x.shape[1],
                        within ? x.shape[2] : 1, within ? x.shape[3] : planeSize(x), size});
    call.args.push_back(KernelArg::ofFloat(static_cast<float>(p.attrs.number("alpha", 1e-4) / cells)));
    call.args.push_back(KernelArg::ofFloat(static_cast<float>(p.attrs.number("beta", 0.75))));
    call.args.push_back(KernelArg::ofFloat(static_cast<float>(p.attrs.number("bias", 1))));
    addLayoutArgs(call.args, x);
    addLayoutArgs(call.args, y);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_lrn(FamilyList& list) { list.add<Lrn>({"Lrn"}); }

}  // namespace tessera
