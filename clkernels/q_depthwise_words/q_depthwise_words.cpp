// q_depthwise_words: INT8, one filter per channel over blocks of four channels, for GPUs.
#include <algorithm>

#include "clkernels/common/image.hpp"
#include "clkernels/common/quant.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

constexpr int kMostTaps = 121;  // they are unrolled

// [C / 4][taps][4], zero-padded
PackedConstant packWords() {
  return {"q_depthwise_words", [](const std::vector<const HostTensor*>& inputs) {
            const HostTensor& weights = *inputs.at(1);
            const auto from = weights.as<std::int8_t>();
            const std::int64_t channels = weights.shape[0], taps = weights.size() / channels;
            HostTensor packed(DataType::Int8, {ceilDiv(channels, 4), taps, 4});
            const auto to = packed.as<std::int8_t>();
            for (std::int64_t c = 0; c < channels; ++c)
              for (std::int64_t tap = 0; tap < taps; ++tap)
                to[(c / 4 * taps + tap) * 4 + c % 4] = from[c * taps + tap];
            return packed;
          }};
}

// Offset and batch stride in words.
void addWordPlace(std::vector<KernelArg>& args, const TensorDesc& t) {
  args.push_back(KernelArg::ofInt(t.layout.offset / 4));
  args.push_back(KernelArg::ofInt(t.present() ? t.batchStride() / 4 : 0));
}

class QDepthwiseWords final : public KernelFamily {
 public:
  FamilyId id() const override { return {"q_depthwise_words", 1}; }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 4; }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (const auto why = whyNoQuantEpilogue(op); !why.empty()) return Verdict::no(why);
    const Window w = windowOf(op);
    if (!w.depthwise() || w.outChannels != w.channels) return Verdict::no("it is not one filter per channel");
    if (w.in[0] != 1 || w.kernel[0] != 1 || w.out[0] != 1)
      return Verdict::no("it has no third spatial extent");
    if (w.kernelVolume() > kMostTaps) return Verdict::no("more than 121 taps to unroll");
    for (const int i : {1, kBiasInput, kSlopeInput, kMultiplierArgInput})
      if (op.has(i) && !op.inputs[i].constant)
        return Verdict::no("weights, bias, slope and multipliers must be constants");
    for (const TensorDesc& t :
         {op.inputs[0], op.outputs[0], op.has(kResidualInput) ? op.inputs[kResidualInput] : op.outputs[0]}) {
      if (t.layout.block != 4 || t.layout.offset % 4 != 0 || t.batchStride() % 4 != 0)
        return Verdict::no("activations must be in blocks of 4 channels");
      if (t.batchStride() * w.batch + t.layout.offset > INT32_MAX)
        return Verdict::no("more elements than 32 bits index");
    }
    return Verdict::yes();
  }

  TacticSpace space(const Problem&, const DeviceCaps&) const override { return {{{"Y", {1, 2, 4}}}, {}}; }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    // Shared rows pay once every unit has work to spare.
    const std::int64_t words = p.outputs[0].size() / 4, enough = std::int64_t{2048} * device.computeUnits;
    return Tactic{{"Y", words >= 4 * enough ? 4 : words >= 2 * enough ? 2 : 1}};
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    Launch launch;
    KernelCall call{"q_depthwise_words/q_depthwise_words.cl", "q_depthwise_words", tacticDefines(tactic)};
    const auto add = [&](const char* name, std::int64_t value) { addDefine(call.defines, name, value); };
    add("P_N", w.batch), add("P_CHANNELS", w.channels);
    add("P_H", w.in[1]), add("P_W", w.in[2]), add("P_OH", w.out[1]), add("P_OW", w.out[2]);
    add("P_KH", w.kernel[1]), add("P_KW", w.kernel[2]), add("P_SY", w.stride[1]), add("P_SX", w.stride[2]);
    add("P_DY", w.dilation[1]), add("P_DX", w.dilation[2]);
    add("P_PY", w.padBegin[1]), add("P_PX", w.padBegin[2]);
    addQuantDefines(call.defines, p, device);
    setFlat(call, w.batch * ceilDiv(w.channels, 4) * ceilDiv(w.out[1], tactic.get("Y")) * w.out[2], device);
    launch.packed = {packWords(), packedChannels(p, 4)};
    call.args = {KernelArg::input(0), KernelArg::packed(0), KernelArg::packed(1),
                 p.has(kResidualInput) ? KernelArg::input(kResidualInput) : KernelArg::none(),
                 KernelArg::output(0)};
    addQuantArgs(call.args, p);
    addWordPlace(call.args, p.inputs[0]);
    addWordPlace(call.args, p.outputs[0]);
    addWordPlace(call.args, p.has(kResidualInput) ? p.inputs[kResidualInput] : TensorDesc{});
    launch.calls = {std::move(call)};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2.0 * static_cast<double>(p.outputs[0].size() * windowOf(p).kernelVolume());
    cost.efficiency = device.isCpu() ? 0.02 : 0.15;
    return cost;
  }
};

}  // namespace

void addFamilies_q_depthwise_words(FamilyList& list) {
  static const QDepthwiseWords family;
  list.add(family, {"QConvolution"});
}

}  // namespace tessera
