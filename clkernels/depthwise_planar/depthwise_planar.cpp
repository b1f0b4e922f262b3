// depthwise_planar, q_depthwise_words, depthwise_blocks, q_depthwise_blocks: one filter per output channel
// for GPUs, over planar floats, codes in blocks of four channels, and half or codes in tensor cores' blocks
// of 16.
#include <algorithm>

#include "clkernels/common/finish.hpp"
#include "clkernels/common/image.hpp"
#include "clkernels/common/in_chains.hpp"
#include "clkernels/common/quant.hpp"
#include "clkernels/common/storage.hpp"
#include "clkernels/conv_gemm/gemm_shape.hpp"

namespace tessera {
namespace {

constexpr int kMostTaps = 121;         // they are unrolled
constexpr int kWord = 4, kBlock = 16;  // codes; channels of tensor cores' blocks

// [C / block][taps][block], zero-padded
template <class T>
PackedConstant packFilters(int block) {
  return {"depthwise by " + std::to_string(block), [block](const std::vector<const HostTensor*>& inputs) {
            const HostTensor& weights = *inputs.at(1);
            const auto from = weights.as<T>();
            const std::int64_t channels = weights.shape[0], taps = weights.size() / channels;
            HostTensor packed(dataTypeOf<T>(), {ceilDiv(channels, block), taps, block});
            const auto to = packed.template as<T>();
            for (std::int64_t c = 0; c < channels; ++c)
              for (std::int64_t tap = 0; tap < taps; ++tap)
                to[(c / block * taps + tap) * block + c % block] = from[c * taps + tap];
            return packed;
          }};
}

// How operands lie.
enum class Kind { Planar, Words, Blocks, CodedBlocks };

class DepthwisePlanar final : public KernelFamily, public InChains {
 public:
  DepthwisePlanar(std::string_view name, Kind kind) : name_(name), kind_(kind) {}
  FamilyId id() const override { return {name_, 1}; }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return block(); }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    const Window w = windowOf(op);
    if (!w.depthwise()) return Verdict::no("it is not depthwise");
    if (w.in[0] != 1 || w.kernel[0] != 1 || w.out[0] != 1)
      return Verdict::no("it has no third spatial extent");
    if (w.kernelVolume() > kMostTaps) return Verdict::no("more than 121 taps to unroll");
    if (const Verdict operands = codes() ? codesApply(op, w) : floatsApply(op, w); !operands) return operands;
    for (const TensorDesc& t :
         {op.inputs[0], op.outputs[0], op.has(kResidualInput) ? op.inputs[kResidualInput] : op.outputs[0]}) {
      if (t.layout.block != block() || t.layout.offset % block() != 0 || t.batchStride() % block() != 0)
        return Verdict::no(block() == 1
                               ? "activations must be planar"
                               : "activations must be in blocks of " + std::to_string(block()) + " channels");
      if (t.batchStride() * w.batch + t.layout.offset > INT32_MAX)
        return Verdict::no("more elements than 32 bits index");
    }
    return Verdict::yes();
  }

  TacticSpace space(const Problem&, const DeviceCaps&) const override {
    TacticSpace space{{{"Y", {1, 2, 4}}}, {}};
    if (block() == kBlock) space.parameters.push_back({"L", {4, 8, 16}});
    return space;
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    // Shared rows and wide vectors pay once every unit has work to spare.
    const std::int64_t enough = std::int64_t{2048} * device.computeUnits, numbers = p.outputs[0].size();
    int lanes = block() == kBlock ? 4 : block();
    while (block() == kBlock && lanes < 8 && numbers / lanes >= 2 * enough) lanes *= 2;
    const std::int64_t outputs = numbers / lanes;
    Tactic tactic{{"Y", outputs >= 4 * enough ? 4 : outputs >= 2 * enough ? 2 : 1}};
    if (block() == kBlock) tactic.set("L", lanes);
    return tactic;
  }

  bool addsInPlace() const override { return true; }
  // Few items are there at a time: each has several loads under way.
  std::optional<Tactic> chained(const Problem& p, const DeviceCaps& device) const override {
    Tactic tactic = fallback(p, device);
    const std::int64_t enough = std::int64_t{kChainItemsPerUnit} * device.computeUnits;
    std::int64_t items = p.outputs[0].size() / block();
    if (block() == kBlock) {
      const int lanes = items * 2 >= enough ? 8 : 4;
      tactic.set("L", lanes);
      items = p.outputs[0].size() / lanes;
    }
    tactic.set("Y", items >= 4 * enough ? 4 : items >= 2 * enough ? 2 : 1);
    return tactic;
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    const int lanes = block() == kBlock ? tactic.get("L") : block();
    Launch launch;
    KernelCall call{"depthwise_planar/depthwise_planar.cl", "depthwise_planar", tacticDefines(tactic)};
    addGeometry(call.defines, w);
    addDefine(call.defines, "PW_WIDTH", lanes);
    addTypeDefines(call.defines, p);
    setFlat(call,
            w.batch * ceilDiv(w.outChannels, block()) * (block() / lanes) *
                ceilDiv(w.out[1], tactic.get("Y")) * w.out[2],
            device);
    addOperands(launch, call, p, device);
    call.args.push_back(KernelArg::output(0));
    const TensorDesc residual = p.has(kResidualInput) ? p.inputs[kResidualInput] : TensorDesc{};
    for (const TensorDesc& t : {p.inputs[0], p.outputs[0], residual}) {
      call.args.push_back(KernelArg::ofInt(t.layout.offset / lanes));
      call.args.push_back(KernelArg::ofInt(t.present() ? t.batchStride() / lanes : 0));
    }
    launch.calls = {std::move(call)};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2.0 * static_cast<double>(p.outputs[0].size() * windowOf(p).kernelVolume());
    cost.efficiency = device.isCpu() ? 0.02 : codes() ? 0.15 : 0.12;
    return cost;
  }

  std::vector<OpInstance> samples() const override;

 private:
  bool codes() const { return kind_ == Kind::Words || kind_ == Kind::CodedBlocks; }
  int block() const { return kind_ == Kind::Planar ? 1 : kind_ == Kind::Words ? kWord : kBlock; }

  void addGeometry(Defines& defines, const Window& w) const {
    const auto add = [&](const char* name, std::int64_t value) { addDefine(defines, name, value); };
    add("P_N", w.batch), add("P_OC", w.outChannels), add("P_M", w.groupOutputs()), add("P_CODES", codes());
    add("P_BLOCK", block());
    add("P_H", w.in[1]), add("P_W", w.in[2]), add("P_OH", w.out[1]), add("P_OW", w.out[2]);
    add("P_KH", w.kernel[1]), add("P_KW", w.kernel[2]), add("P_SY", w.stride[1]), add("P_SX", w.stride[2]);
    add("P_DY", w.dilation[1]), add("P_DX", w.dilation[2]);
    add("P_PY", w.padBegin[1]), add("P_PX", w.padBegin[2]);
  }
  // Input, weights and what the epilogue takes.
  void addOperands(Launch& launch, KernelCall& call, const Problem& p, const DeviceCaps& device) const {
    call.args = {KernelArg::input(0)};
    if (!codes()) {
      addEpilogueDefines(call.defines, p);
      if (kind_ == Kind::Blocks) {
        launch.packed = {inStorage(p.inputs[1].type, packFilters<float>(kBlock))};
        call.args.push_back(KernelArg::packed(0));
        return addPaddedEpilogueArgs(launch, call.args, p, kBlock);
      }
      call.args.push_back(KernelArg::input(1));
      return addEpilogueArgs(call.args, p);
    }
    addQuantDefines(call.defines, p, device);
    launch.packed = {packFilters<std::int8_t>(block()), packedChannels(p, block())};
    call.args.push_back(KernelArg::packed(0));
    call.args.push_back(KernelArg::packed(1));
    addCorrections(launch, call.args, p, block());
    addQuantArgs(call.args, p);
    call.args.push_back(p.has(kResidualInput) ? KernelArg::input(kResidualInput) : KernelArg::none());
  }

  Verdict floatsApply(const OpView& op, const Window& w) const {
    if (const Verdict types = sameFloatType(op, {0, 1, kResidualInput}); !types) return types;
    if (kind_ == Kind::Blocks) {
      if (op.inputs[0].type != DataType::Float16) return Verdict::no("blocks are of halves");
      if (const Verdict filters = blocksApply(op, w); !filters) return filters;
    }
    const auto why = whyNoEpilogue(op);
    return why.empty() ? Verdict::yes() : Verdict::no(why);
  }
  static Verdict codesApply(const OpView& op, const Window& w) {
    if (const auto why = whyNoQuantEpilogue(op); !why.empty()) return Verdict::no(why);
    return blocksApply(op, w);
  }
  static Verdict blocksApply(const OpView& op, const Window& w) {
    if (w.outChannels != w.channels) return Verdict::no("it is not one filter per channel");
    for (const int i : {1, kBiasInput, kSlopeInput, kMultiplierArgInput})
      if (op.has(i) && !op.inputs[i].constant)
        return Verdict::no("weights, bias, slope and multipliers must be constants");
    return Verdict::yes();
  }

  std::string_view name_;
  Kind kind_;
};

// Edges of blocks: tails, strides, dilation, a residual, an activation that does not keep 0.
std::vector<OpInstance> DepthwisePlanar::samples() const {
  if (block() != kBlock) return KernelFamily::samples();
  using List = std::vector<std::int64_t>;
  std::vector<OpInstance> floats;
  const auto add = [&](std::int64_t channels, Shape plane, Attributes attrs) {
    attrs.set("group", channels);
    floats.push_back(
        makeSample("Convolution", std::move(attrs),
                   {f32({2, channels, plane[0], plane[1]}), f32({channels, 1, 3, 3}), f32({channels})}, {},
                   {false, true, true}));
  };
  add(20, {9, 13}, {{"pads", List{1, 1, 1, 1}}, {"activation", "Sigmoid"}});
  add(32, {11, 15}, {{"pads", List{0, 1, 1, 1}}, {"strides", List{2, 2}}, {"activation", "Relu"}});
  add(17, {6, 5}, {{"pads", List{4, 4, 4, 4}}, {"dilations", List{4, 4}}});
  return codes() ? quantisedTwins("QConvolution", floats) : floats;  // tests derive halves
}

}  // namespace

void addFamilies_depthwise_planar(FamilyList& list) {
  list.add<DepthwisePlanar>({"Convolution"}, "depthwise_planar", Kind::Planar);
  list.add<DepthwisePlanar>({"Convolution"}, "depthwise_blocks", Kind::Blocks);
  list.add<DepthwisePlanar>({"QConvolution"}, "q_depthwise_words", Kind::Words);
  list.add<DepthwisePlanar>({"QConvolution"}, "q_depthwise_blocks", Kind::CodedBlocks);
}

}  // namespace tessera
