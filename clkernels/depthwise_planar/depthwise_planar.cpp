// depthwise_planar, q_depthwise_words: one filter per output channel for GPUs, over planar floats or over
// codes in blocks of four channels.
#include <algorithm>

#include "clkernels/common/image.hpp"
#include "clkernels/common/quant.hpp"
#include "clkernels/conv_gemm/gemm_shape.hpp"

namespace tessera {
namespace {

constexpr int kMostTaps = 121;  // they are unrolled
constexpr int kWord = 4;        // codes

// [C / 4][taps][4], zero-padded
PackedConstant packWords() {
  return {"q_depthwise_words", [](const std::vector<const HostTensor*>& inputs) {
            const HostTensor& weights = *inputs.at(1);
            const auto from = weights.as<std::int8_t>();
            const std::int64_t channels = weights.shape[0], taps = weights.size() / channels;
            HostTensor packed(DataType::Int8, {ceilDiv(channels, kWord), taps, kWord});
            const auto to = packed.as<std::int8_t>();
            for (std::int64_t c = 0; c < channels; ++c)
              for (std::int64_t tap = 0; tap < taps; ++tap)
                to[(c / kWord * taps + tap) * kWord + c % kWord] = from[c * taps + tap];
            return packed;
          }};
}

class DepthwisePlanar final : public KernelFamily {
 public:
  DepthwisePlanar(std::string_view name, bool codes) : name_(name), codes_(codes) {}
  FamilyId id() const override { return {name_, 1}; }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return lanes(); }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    const Window w = windowOf(op);
    if (!w.depthwise()) return Verdict::no("it is not depthwise");
    if (w.in[0] != 1 || w.kernel[0] != 1 || w.out[0] != 1)
      return Verdict::no("it has no third spatial extent");
    if (w.kernelVolume() > kMostTaps) return Verdict::no("more than 121 taps to unroll");
    if (const Verdict operands = codes_ ? codesApply(op, w) : floatsApply(op); !operands) return operands;
    for (const TensorDesc& t :
         {op.inputs[0], op.outputs[0], op.has(kResidualInput) ? op.inputs[kResidualInput] : op.outputs[0]}) {
      if (t.layout.block != lanes() || t.layout.offset % lanes() != 0 || t.batchStride() % lanes() != 0)
        return Verdict::no(codes_ ? "activations must be in blocks of 4 channels"
                                  : "activations must be planar");
      if (t.batchStride() * w.batch + t.layout.offset > INT32_MAX)
        return Verdict::no("more elements than 32 bits index");
    }
    return Verdict::yes();
  }

  TacticSpace space(const Problem&, const DeviceCaps&) const override { return {{{"Y", {1, 2, 4}}}, {}}; }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    // Shared rows pay once every unit has work to spare.
    const std::int64_t outputs = p.outputs[0].size() / lanes(),
                       enough = std::int64_t{2048} * device.computeUnits;
    return Tactic{{"Y", outputs >= 4 * enough ? 4 : outputs >= 2 * enough ? 2 : 1}};
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    Launch launch;
    KernelCall call{"depthwise_planar/depthwise_planar.cl", "depthwise_planar", tacticDefines(tactic)};
    const auto add = [&](const char* name, std::int64_t value) { addDefine(call.defines, name, value); };
    add("P_N", w.batch), add("P_OC", w.outChannels), add("P_M", w.groupOutputs()), add("P_CODES", codes_);
    add("P_H", w.in[1]), add("P_W", w.in[2]), add("P_OH", w.out[1]), add("P_OW", w.out[2]);
    add("P_KH", w.kernel[1]), add("P_KW", w.kernel[2]), add("P_SY", w.stride[1]), add("P_SX", w.stride[2]);
    add("P_DY", w.dilation[1]), add("P_DX", w.dilation[2]);
    add("P_PY", w.padBegin[1]), add("P_PX", w.padBegin[2]);
    const TensorDesc residual = p.has(kResidualInput) ? p.inputs[kResidualInput] : TensorDesc{};
    const std::string vector = codes_ ? std::to_string(kWord) : "";
    const auto addType = [&](const char* name, const TensorDesc& t) {
      call.defines.emplace_back(name, t.present() ? clType(t.type) + vector : "float" + vector);
    };
    addType("P_X", p.inputs[0]), addType("P_WEIGHTS", p.inputs[1]);
    addType("P_R", residual), addType("P_Y", p.outputs[0]);
    setFlat(call, w.batch * ceilDiv(w.outChannels, lanes()) * ceilDiv(w.out[1], tactic.get("Y")) * w.out[2],
            device);
    if (codes_) {
      addQuantDefines(call.defines, p, device);
      launch.packed = {packWords(), packedChannels(p, kWord)};
      call.args = {KernelArg::input(0), KernelArg::packed(0), KernelArg::packed(1)};
      addCorrections(launch, call.args, p, kWord);
      addQuantArgs(call.args, p);
      call.args.push_back(residual.present() ? KernelArg::input(kResidualInput) : KernelArg::none());
    } else {
      addEpilogueDefines(call.defines, p);
      call.args = {KernelArg::input(0), KernelArg::input(1)};
      addEpilogueArgs(call.args, p);
    }
    call.args.push_back(KernelArg::output(0));
    for (const TensorDesc& t : {p.inputs[0], p.outputs[0], residual}) {
      call.args.push_back(KernelArg::ofInt(t.layout.offset / lanes()));
      call.args.push_back(KernelArg::ofInt(t.present() ? t.batchStride() / lanes() : 0));
    }
    launch.calls = {std::move(call)};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2.0 * static_cast<double>(p.outputs[0].size() * windowOf(p).kernelVolume());
    cost.efficiency = device.isCpu() ? 0.02 : codes_ ? 0.15 : 0.12;
    return cost;
  }

 private:
  int lanes() const { return codes_ ? kWord : 1; }

  static Verdict floatsApply(const OpView& op) {
    if (const Verdict types = sameFloatType(op, {0, 1, kResidualInput}); !types) return types;
    const auto why = whyNoEpilogue(op);
    return why.empty() ? Verdict::yes() : Verdict::no(why);
  }
  static Verdict codesApply(const OpView& op, const Window& w) {
    if (const auto why = whyNoQuantEpilogue(op); !why.empty()) return Verdict::no(why);
    if (w.outChannels != w.channels) return Verdict::no("it is not one filter per channel");
    for (const int i : {1, kBiasInput, kSlopeInput, kMultiplierArgInput})
      if (op.has(i) && !op.inputs[i].constant)
        return Verdict::no("weights, bias, slope and multipliers must be constants");
    return Verdict::yes();
  }

  std::string_view name_;
  bool codes_;
};

}  // namespace

void addFamilies_depthwise_planar(FamilyList& list) {
  list.add<DepthwisePlanar>({"Convolution"}, "depthwise_planar", false);
  list.add<DepthwisePlanar>({"QConvolution"}, "q_depthwise_words", true);
}

}  // namespace tessera
