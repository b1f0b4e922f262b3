// q_conv_amx: INT8 convolutions by the tile registers of x86 processors with AMX, over blocks of 16 channels.
#include "clkernels/common/compares_tactics.hpp"
#include "clkernels/common/image.hpp"
#include "clkernels/conv_direct/tile.hpp"
#include "clkernels/q_conv_amx/amx_tactic.hpp"

namespace tessera {
namespace {

constexpr double kFloatOperations = 64;  // of a core and cycle in f32: what efficiencies are fractions of

class QConvAmx final : public KernelFamily, public ComparesTactics {
 public:
  FamilyId id() const override { return {"q_conv_amx", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (!device.amxInt8) return Verdict::no("the processor has no tile registers for codes (AMX)");
    if (const Verdict verdict = finishApplies(op, device, true); !verdict) return verdict;
    if (const Verdict verdict = inBlocksOf16(op); !verdict) return verdict;
    const AmxWork work(windowOf(op));
    if (work.window.group != 1) return Verdict::no("it has groups");
    if (work.window.channels < 16)
      return Verdict::no("it takes 64 input channels at a time, of fewer than 16");
    if (const std::int64_t more = paddedBytes(work.window) -
                                  work.window.outChannels * work.window.channels * work.window.kernelVolume();
        16 * more > paddedBytes(work.window))
      return Verdict::no("in blocks of 64 inputs and 32 outputs its weights would take " +
                         std::to_string(more) + " bytes more");
    AmxTactic least;
    least.tile = static_cast<int>(std::min<std::int64_t>(16, work.ow));
    if (!amxSpace(work, device).contains(toTactic(least)))
      return Verdict::no("the input of one tile does not fit local memory");
    return Verdict::yes();
  }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 16; }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return amxSpace(AmxWork(windowOf(p)), device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(amxFallback(AmxWork(windowOf(p)), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<AmxTactic>(tactic);
    const AmxWork work(windowOf(p));
    const Window& w = work.window;
    Launch launch;
    launch.packed = {weights(w)};
    KernelCall call{"q_conv_amx/q_conv_amx.cl", "q_conv_amx"};
    addFinishDefines(call.defines, p, device);
    setItems(call, {work.regions(t), ceilDiv(work.kTiles(), work.share(t)), w.batch});
    call.args = {KernelArg::input(0), KernelArg::packed(0)};
    addFinishArgs(launch, call.args, p);
    call.args.push_back(KernelArg::output(0));
    call.args.push_back(KernelArg::local(work.patchBytes(t)));
    addPlaces(call.args, p);
    const std::int64_t columns = std::min(work.regionColumns(t), work.ow);
    addInts(call.args, {w.channels,    work.h,
                        work.w,        w.outChannels,
                        work.oh,       work.ow,
                        w.kernel[1],   w.kernel[2],
                        w.stride[1],   w.stride[2],
                        work.stepY,    work.stepX,
                        w.dilation[1], w.dilation[2],
                        w.padBegin[1], w.padBegin[2],
                        t.tile,        std::min<std::int64_t>(t.rows, work.oh),
                        columns,       work.patchRows(t),
                        work.span(t),  work.share(t)});
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    const AmxWork work(windowOf(p));
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2.0 * static_cast<double>(p.outputs[0].size() * work.window.channels) *
                      static_cast<double>(work.window.kernelVolume());
    cost.efficiency =
        cost.operations / (kFloatOperations * amxCycles(work, amxFallback(work, device), device));
    return cost;
  }
  double expected(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    return amxCycles(AmxWork(windowOf(p)), fromTactic<AmxTactic>(tactic), device);
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    return quantisedTwins(
        "QConvolution",
        {
            // Borders on every side, channels that are whole blocks of nothing, rows narrower than a tile.
            convolutionSample({2, 20, 9, 31}, {35, 20, 3, 3},
                              {{"pads", List{1, 1, 1, 1}}, {"activation", "Relu"}}),
            convolutionSample({2, 124, 5, 19}, {62, 124, 3, 3}, {{"pads", List{1, 1, 1, 1}}}, true, true),
            convolutionSample({1, 120, 7, 7}, {64, 120, 3, 3}, {{"pads", List{1, 1, 1, 1}}}, true, true),
            // A dilation beyond the image; uneven strides, pads and windows.
            convolutionSample({1, 16, 7, 19}, {12, 16, 3, 3},
                              {{"pads", List{16, 16, 16, 16}}, {"dilations", List{16, 16}}}),
            convolutionSample({1, 70, 10, 23}, {48, 70, 5, 3},
                              {{"pads", List{0, 2, 3, 1}}, {"strides", List{3, 2}}}, true, true),
            // Matrix products, and 1x1 of stride 2, of which a patch keeps every other pixel.
            convolutionSample({2, 48, 5, 7}, {64, 48, 1, 1}, {{"activation", "Relu"}}, true, true),
            convolutionSample({1, 130, 1, 1}, {19, 130, 1, 1}, {}),
            convolutionSample({1, 32, 13, 13}, {33, 32, 1, 1}, {{"strides", List{2, 2}}}),
            convolutionSample({1, 64, 12, 37}, {96, 64, 1, 1},
                              {{"pads", List{1, 2, 0, 1}}, {"strides", List{2, 3}}}),
        });
  }

 private:
  static std::int64_t paddedBytes(const Window& w) {
    return roundUp(w.outChannels, std::int64_t{32}) * roundUp(w.channels, std::int64_t{64}) *
           w.kernelVolume();
  }
  // As conv_direct/tile.cl takes them, of two blocks of 16 outputs and blocks of 64 inputs.
  static PackedConstant weights(const Window& w) {
    TileWork work;
    work.type = DataType::Int8;
    work.block = 64, work.lanes = 4;
    const std::int64_t C = w.groupChannels(), taps = w.kernelVolume();
    return packTileWeights(w, work, 2,
                           {"q_conv_amx",
                            [C, taps](std::int64_t k, std::int64_t c, std::int64_t tap) {
                              return (k * C + c) * taps + tap;
                            },
                            [](std::int64_t tap) { return tap; }})
        .front();
  }
};

}  // namespace

void addFamilies_q_conv_amx(FamilyList& list) { list.add<QConvAmx>({"QConvolution"}); }

}  // namespace tessera
