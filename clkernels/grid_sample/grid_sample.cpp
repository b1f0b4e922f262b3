// grid_sample: every mode and padding of GridSample; x and y planar or blocked alike, the grid planar.
#include "ops/grid_sample.hpp"

#include "clkernels/common/sampling.hpp"

namespace tessera {
namespace {

class GridSample final : public SamplingFamily {
 public:
  FamilyId id() const override { return {"grid_sample", 1}; }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    if (y.size() == 0) return {};
    const GridSampling g = gridSampling(p);
    const int width = laneWidth(x), chunk = 4;
    const std::int64_t groups = paddedChannelCount(x) / width, positions = g.out[0] * g.out[1] * g.out[2];
    const std::int64_t count = x.shape[0] * ceilDiv(groups, chunk) * positions;
    KernelCall call{"grid_sample/grid_sample.cl", "grid_sample"};
    addDefine(call.defines, "P_RANK", g.rank);
    addDefine(call.defines, "P_TAPS", g.taps);
    addDefine(call.defines, "P_CHUNK", chunk);
    addDefine(call.defines, "P_WIDTH", width);
    call.defines.emplace_back("P_TYPE", clType(x.type));
    setFlat(call, count, device);
    call.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::output(0), KernelArg::ofInt(count),
                 KernelArg::ofInt(groups)};
    addExtentArgs(call.args, g.in);
    addInts(call.args,
            {positions, std::int64_t{g.padding}, std::int64_t{g.alignCorners}, std::int64_t{x.layout.block}});
    for (const TensorDesc* t : {&x, &p.inputs[1], &y}) addLayoutArgs(call.args, *t);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_grid_sample(FamilyList& list) { list.add<GridSample>({"GridSample"}); }

}  // namespace tessera
