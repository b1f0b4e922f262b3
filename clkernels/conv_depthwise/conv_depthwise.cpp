// conv_depthwise: one filter per channel over blocks of 16 channels, for CPUs.
#include "clkernels/conv_depthwise/depthwise.hpp"

namespace tessera {
namespace {

class ConvDepthwise final : public KernelFamily {
 public:
  FamilyId id() const override { return {"conv_depthwise", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const auto why = whyNoTiles(device); !why.empty()) return Verdict::no(why);
    if (op.inputs[0].shape.size() > 4) return Verdict::no("it has more than two spatial extents");
    const Window w = windowOf(op);
    if (!w.depthwise() || w.outChannels != w.channels) return Verdict::no("it is not one filter per channel");
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
      if (op.has(i) && op.inputs[i].type != DataType::Float32) return Verdict::no("an operand is not f32");
      const bool image = i == 0 || i == kResidualInput;
      if (op.has(i) && !image && !op.inputs[i].constant)
        return Verdict::no("weights, bias and slope must be constants");
      if (op.has(i) && image && op.inputs[i].layout.block != 16)
        return Verdict::no("an operand is not in blocks of 16 channels");
    }
    if (op.outputs[0].layout.block != 16) return Verdict::no("the output is not in blocks of 16 channels");
    if (const auto why = whyNoEpilogue(op); !why.empty()) return Verdict::no(why);
    return Verdict::yes();
  }

  int channelBlock(const OpView&, const DeviceCaps&) const override { return 16; }

  TacticSpace space(const Problem& p, const DeviceCaps&) const override {
    return depthwiseSpace(windowOf(p));
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(depthwiseFallback(windowOf(p), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const auto t = fromTactic<DepthwiseTactic>(tactic);
    const Window w = windowOf(p);
    Launch launch;
    launch.packed = {packDepthwise<float>(w, DataType::Float32)};
    KernelCall call{.source = "conv_depthwise/conv_depthwise.cl", .entry = "conv_depthwise"};
    setDepthwiseTile(call, w, t);
    addEpilogueDefines(call.defines, p);
    call.args = {KernelArg::input(0), KernelArg::packed(0)};
    addPaddedEpilogueArgs(launch, call.args, p, 16);
    call.args.push_back(KernelArg::output(0));
    addPlaces(call.args, p);
    addDepthwiseArgs(call.args, w, t);
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    return depthwiseCost(p, KernelFamily::cost(p, device));
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    const auto conv = [](std::int64_t channels, std::int64_t h, std::int64_t w, List kernel, Attributes attrs,
                         bool residual = false) {
      attrs.set("group", channels);
      std::vector<TensorDesc> inputs{f32({2, channels, h, w}), f32({channels, 1, kernel[0], kernel[1]}),
                                     f32({channels})};
      if (residual) {
        const auto plain = makeSample("Convolution", attrs, inputs, {}, {false, true, true});
        inputs.push_back(f32(plain.view.outputs[0].shape));
      }
      return makeSample("Convolution", std::move(attrs), inputs, {}, {false, true, true});
    };
    return {
        conv(20, 9, 33, {3, 3}, {{"pads", List{1, 1, 1, 1}}, {"activation", "Sigmoid"}}),
        conv(32, 11, 15, {5, 3}, {{"pads", List{2, 0, 1, 2}}, {"strides", List{2, 2}}}, true),
        conv(17, 6, 5, {3, 3}, {{"pads", List{4, 4, 4, 4}}, {"dilations", List{4, 4}}}),
    };
  }
};

}  // namespace

void addFamilies_conv_depthwise(FamilyList& list) {
  static const ConvDepthwise family;
  list.add(family, {"Convolution"});
}

}  // namespace tessera
