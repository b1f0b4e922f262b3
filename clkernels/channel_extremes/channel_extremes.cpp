// channel_extremes: the largest and the least value of each channel.
#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

class ChannelExtremesFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"channel_extremes", 2}; }
  std::vector<BlockChoice> blockChoices(const OpView&, const DeviceCaps&) const override {
    std::vector<BlockChoice> choices;
    for (const int block : {16, 8, 4, 32, 1}) choices.push_back({{block}, {1, 1}});
    return choices;
  }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    for (const TensorDesc& y : op.outputs)
      if (y.layout.block != 1 || !y.dense()) return Verdict::no("results are written dense and planar");
    return Verdict::yes();
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc& x = p.inputs[0];
    const int block = x.layout.block;
    const bool alone = device.isCpu() && (block == 16 || block == 1);
    const std::int64_t lanes = alone ? block : 1;
    const std::size_t group = alone ? 1 : groupSize(device);
    KernelCall call{"channel_extremes/channel_extremes.cl",
                    alone ? "channel_extremes_alone" : "channel_extremes"};
    addDefine(call.defines, "P_GROUP", static_cast<std::int64_t>(group));
    addDefine(call.defines, "P_LANES", lanes);
    call.args = {KernelArg::input(0), KernelArg::output(0), KernelArg::output(1)};
    addInts(call.args, {x.shape[1], planeSize(x), std::int64_t{block}, x.layout.offset, x.batchStride()});
    if (alone) {
      setItems(call, {ceilDiv(x.shape[1], lanes), x.shape[0]});
    } else {
      call.global = {static_cast<std::size_t>(x.shape[0] * x.shape[1]) * group};
      call.local = {group};
    }
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_channel_extremes(FamilyList& list) { list.add<ChannelExtremesFamily>({"ChannelExtremes"}); }

}  // namespace tessera
