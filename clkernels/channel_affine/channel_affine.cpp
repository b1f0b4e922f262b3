// channel_affine: BatchNorm and Scale that no pass folded away.
#include "clkernels/common/image.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class ChannelAffineFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"channel_affine", 1}; }
  int channelBlock(const OpView& op, const DeviceCaps&) const override { return perChannel(op) ? 0 : 1; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.outputs[0].layout.block > 1 && !perChannel(op))
      return Verdict::no("blocked layouts need one parameter per channel");
    return allOf({denseF32(op, {1, 2, 3, 4}), sameFloatType(op, {0}), sameBlock(op)});
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    const bool statistics = p.op == "BatchNorm";
    const std::int64_t count = (x.shape.empty() ? 1 : x.shape[0]) * x.itemElements();
    KernelCall call{"channel_affine/channel_affine.cl", "channel_affine"};
    addDefine(call.defines, "P_STATISTICS", statistics);
    addDefine(call.defines, "P_BIAS", p.has(2));
    call.defines.emplace_back("P_TYPE", clType(x.type));
    setFlat(call, count, device);
    call.args = {KernelArg::input(0),
                 KernelArg::input(1),
                 KernelArg::input(p.has(2) ? 2 : 1),
                 KernelArg::input(statistics ? 3 : 1),
                 KernelArg::input(statistics ? 4 : 1),
                 KernelArg::output(0)};
    const std::int64_t channels = x.shape.size() > 1 ? x.shape[1] : 1;
    addInts(call.args, {count, x.itemElements(), std::int64_t{x.layout.block}, planeSize(x), channels,
                        innerElements(p), p.inputs[1].size()});
    call.args.push_back(KernelArg::ofFloat(static_cast<float>(p.attrs.number("epsilon", 1e-5))));
    addLayoutArgs(call.args, x);
    addLayoutArgs(call.args, y);
    return {{call}, {}, {}};
  }

 private:
  static bool perChannel(const OpView& op) {
    if (op.op == "BatchNorm" || op.inputs[1].size() == 1) return true;
    return op.inputs[1].shape.size() == 1 &&
           normalAxis(op.attrs.integer("axis", 1), op.inputs[0].shape.size()) == 1;
  }
  /// Elements that share a parameter, next to each other.
  static std::int64_t innerElements(const OpView& op) {
    const Shape &x = op.inputs[0].shape, &scale = op.inputs[1].shape;
    if (op.op == "BatchNorm") return extentProduct(x, 2, x.size());
    if (scale.empty()) return 1;
    return extentProduct(x, normalAxis(op.attrs.integer("axis", 1), x.size()) + scale.size(), x.size());
  }
};

}  // namespace

void addFamilies_channel_affine(FamilyList& list) { list.add<ChannelAffineFamily>({"BatchNorm", "Scale"}); }

}  // namespace tessera
