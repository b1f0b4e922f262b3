// max_roi_pool: MaxRoiPool; x and y planar or blocked alike, regions planar.
#include "clkernels/common/sampling.hpp"

namespace tessera {
namespace {

class MaxRoiPool final : public SamplingFamily {
 public:
  FamilyId id() const override { return {"max_roi_pool", 1}; }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    if (y.size() == 0) return {};
    const int width = laneWidth(x);
    const std::int64_t groups = paddedChannelCount(x) / width;
    const std::int64_t count = y.shape[0] * groups * y.shape[2] * y.shape[3];
    KernelCall call{"max_roi_pool/max_roi_pool.cl", "max_roi_pool"};
    addDefine(call.defines, "P_WIDTH", width);
    call.defines.emplace_back("P_TYPE", clType(x.type));
    setFlat(call, count, device);
    call.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::output(0)};
    addInts(call.args, {count, groups, x.shape[0], x.shape[2], x.shape[3], y.shape[2], y.shape[3]});
    call.args.push_back(KernelArg::ofFloat(static_cast<float>(p.attrs.number("scale", 1))));
    call.args.push_back(KernelArg::ofInt(x.layout.block));
    for (const TensorDesc* t : {&x, &p.inputs[1], &y}) addLayoutArgs(call.args, *t);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_max_roi_pool(FamilyList& list) { list.add<MaxRoiPool>({"MaxRoiPool"}); }

}  // namespace tessera
