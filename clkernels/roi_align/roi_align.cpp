// roi_align: RoiAlign; x and y planar or blocked alike, regions and their items planar.
#include "ops/roi_align.hpp"

#include "clkernels/common/sampling.hpp"

namespace tessera {
namespace {

class RoiAlign final : public SamplingFamily {
 public:
  FamilyId id() const override { return {"roi_align", 1}; }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    if (y.size() == 0) return {};
    const RoiAligning r = roiAligning(p);
    const int width = laneWidth(x), chunk = 4;
    const std::int64_t groups = paddedChannelCount(x) / width;
    const std::int64_t count = y.shape[0] * ceilDiv(groups, chunk) * r.bins[0] * r.bins[1];
    KernelCall call{"roi_align/roi_align.cl", "roi_align"};
    addDefine(call.defines, "P_MAX", r.max);
    call.defines.emplace_back("P_INDEX", clType(p.inputs[2].type));
    addDefine(call.defines, "P_CHUNK", chunk);
    addDefine(call.defines, "P_WIDTH", width);
    call.defines.emplace_back("P_TYPE", clType(x.type));
    setFlat(call, count, device);
    call.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::input(2), KernelArg::output(0)};
    addInts(call.args, {count, groups, x.shape[0], x.shape[2], x.shape[3], r.bins[0], r.bins[1]});
    call.args.push_back(KernelArg::ofFloat(r.scale));
    addInts(call.args, {std::int64_t{r.halfPixel}, r.sampling, std::int64_t{x.layout.block}});
    for (const TensorDesc* t : {&x, &p.inputs[1], &p.inputs[2], &y}) addLayoutArgs(call.args, *t);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_roi_align(FamilyList& list) { list.add<RoiAlign>({"RoiAlign"}); }

}  // namespace tessera
