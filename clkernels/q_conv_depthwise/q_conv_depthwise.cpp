// q_conv_depthwise: INT8, one filter per channel over blocks of 16 channels, for CPUs.
#include "clkernels/conv_depthwise/depthwise.hpp"
#include "clkernels/q_conv_direct/q_tile.hpp"

namespace tessera {
namespace {

class QConvDepthwise final : public KernelFamily {
 public:
  FamilyId id() const override { return {"q_conv_depthwise", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    const Window w = windowOf(op);
    if (!w.depthwise() || w.outChannels != w.channels) return Verdict::no("it is not one filter per channel");
    OpView ungrouped = op;  // groups are its own matter
    ungrouped.attrs.set("group", std::int64_t{1});
    ungrouped.inputs[1].shape[1] = w.channels;
    if (const Verdict verdict = quantTileApplies(ungrouped, device); !verdict) return verdict;
    if (op.inputs[0].layout.block != 16) return Verdict::no("the input is not in blocks of 16 channels");
    return Verdict::yes();
  }

  int channelBlock(const OpView&, const DeviceCaps&) const override { return 16; }

  TacticSpace space(const Problem& p, const DeviceCaps&) const override {
    return depthwiseSpace(windowOf(p));
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(depthwiseFallback(windowOf(p), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<DepthwiseTactic>(tactic);
    const Window w = windowOf(p);
    Launch launch;
    launch.packed = {packDepthwise<std::int8_t>(w, DataType::Int8), paddedChannels(kMultiplierArgInput, 16)};
    KernelCall call{.source = "q_conv_depthwise/q_conv_depthwise.cl", .entry = "q_conv_depthwise"};
    setDepthwiseTile(call, w, t);
    addQuantDefines(call.defines, p, device);
    call.args = {KernelArg::input(0), KernelArg::packed(0), KernelArg::packed(1)};
    addPaddedEpilogueArgs(launch, call.args, p, 16);
    call.args.push_back(KernelArg::output(0));
    addQuantArgs(call.args, p);
    addPlaces(call.args, p);
    addDepthwiseArgs(call.args, w, t);
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    return depthwiseCost(p, KernelFamily::cost(p, device));
  }

  std::vector<OpInstance> samples() const override {
    return quantTileSamples("QConvolution", "conv_depthwise");
  }
};

}  // namespace

void addFamilies_q_conv_depthwise(FamilyList& list) {
  static const QConvDepthwise family;
  list.add(family, {"QConvolution"});
}

}  // namespace tessera
