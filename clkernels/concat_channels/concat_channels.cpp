// concat_channels: Concat along channels whose parts do not begin at whole blocks of the output.
#include "clkernels/common/strided.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class ConcatChannels final : public KernelFamily {
 public:
  FamilyId id() const override { return {"concat_channels", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.outputs[0].shape.size() < 3) return Verdict::no("the tensor has no channels");
    if (normalAxis(op.attrs.integer("axis"), op.outputs[0].shape.size()) != 1)
      return Verdict::no("it joins along channels only");
    return Verdict::yes();
  }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc& y = p.outputs[0];
    const std::int64_t plane = planeSize(y);
    Launch launch;
    std::int64_t start = 0;
    for (std::size_t i = 0; i < p.inputs.size(); ++i) {
      const TensorDesc& x = p.inputs[i];
      const std::int64_t count = x.shape[1], block = y.layout.block;
      if (x.size() == 0) continue;
      KernelCall call{"concat_channels/concat_channels.cl", "concat_channels"};
      call.defines.emplace_back("P_TYPE", rawType(y.type));
      addDefine(call.defines, "P_XBLOCK", x.layout.block);
      addDefine(call.defines, "P_YBLOCK", block);
      call.args = {KernelArg::input(static_cast<int>(i)),
                   KernelArg::output(0),
                   KernelArg::ofInt(plane),
                   KernelArg::ofInt(start),
                   KernelArg::ofInt(count),
                   KernelArg::ofInt(start + count == y.shape[1])};
      addLayoutArgs(call.args, x);
      addLayoutArgs(call.args, y);
      setGrid(call, plane, ceilDiv(start + count, block) - start / block, y.shape[0], device);
      launch.calls.push_back(std::move(call));
      start += count;
    }
    return launch;
  }
  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.bytes *= 1.5;  // lanes are written one by one
    return cost;
  }
};

}  // namespace

void addFamilies_concat_channels(FamilyList& list) {
  static const ConcatChannels concat;
  list.add(concat, {"Concat"});
}

}  // namespace tessera
