// max_roi_pool: MaxRoiPool; x and y planar or blocked alike, regions planar.
#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

class MaxRoiPool final : public KernelFamily {
 public:
  FamilyId id() const override { return {"max_roi_pool", 1}; }
  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    return {BlockChoice::uniform(op, 16), BlockChoice::uniform(op, 1)};
  }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.inputs[1].type != DataType::Float32) return Verdict::no("the regions are not f32");
    return allOf({sameFloatType(op, {0}), sameBlock(op)});
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    if (y.size() == 0) return {};
    const int width = laneWidth(x);
    const std::int64_t groups = paddedChannelCount(x) / width;
    const std::int64_t count = y.shape[0] * groups * y.shape[2] * y.shape[3];
    KernelCall call{"max_roi_pool/max_roi_pool.cl", "max_roi_pool"};
    addDefine(call.defines, "P_WIDTH", width);
    addElementDefine(call.defines, x);
    setFlat(call, count, device);
    call.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::output(0)};
    for (const std::int64_t value :
         {count, groups, x.shape[0], x.shape[2], x.shape[3], y.shape[2], y.shape[3]})
      call.args.push_back(KernelArg::ofInt(value));
    call.args.push_back(KernelArg::ofFloat(static_cast<float>(p.attrs.number("scale", 1))));
    call.args.push_back(KernelArg::ofInt(x.layout.block));
    for (const TensorDesc* t : {&x, &p.inputs[1], &y}) addLayoutArgs(call.args, *t);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_max_roi_pool(FamilyList& list) {
  static const MaxRoiPool maxRoiPool;
  list.add(maxRoiPool, {"MaxRoiPool"});
}

}  // namespace tessera
