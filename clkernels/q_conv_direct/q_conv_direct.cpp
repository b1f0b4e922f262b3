// q_conv_direct: INT8 convolution over channel-blocked codes for CPUs.
#include "clkernels/q_conv_direct/q_tile.hpp"

#include <algorithm>

namespace tessera {
namespace {

// Up to this many input channels a planar input is read as it is: blocks of 16 would be mostly padding.
constexpr std::int64_t kPlanarChannels = 4;

struct Shape2d {
  Window window;
  bool flat;  // all pixels in one row
  int depth;
  std::int64_t h, w, oh, ow;

  explicit Shape2d(const OpView& op) : window(windowOf(op)), depth(tileDepth(op.inputs[0].layout.block)) {
    flat = window.pointwise();
    h = flat ? 1 : window.in[1], w = flat ? window.inVolume() : window.in[2];
    oh = flat ? 1 : window.out[1], ow = flat ? window.outVolume() : window.out[2];
  }
  TileWork work() const {
    TileWork t{.rows = oh, .columns = ow};
    t.kBlocks = ceilDiv(window.groupOutputs(), 16);
    t.groups = window.group, t.batch = window.batch;
    t.channels = window.groupChannels(), t.taps = window.kernelVolume();
    t.block = depth;
    t.patchFloats = window.kernel[1] * window.span(2) * depth;
    t.patchFloatsPerPixel = window.kernel[1] * window.stride[2] * depth;
    return t;
  }
};

class QConvDirect final : public KernelFamily {
 public:
  FamilyId id() const override { return {"q_conv_direct", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const Verdict verdict = quantTileApplies(op, device); !verdict) return verdict;
    if (patchWords(Shape2d(op).work(), {}) > kMaxPatchWords) return Verdict::no("the window is too large");
    return Verdict::yes();
  }
  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    const BlockChoice blocked = BlockChoice::uniform(op, 16);
    BlockChoice planar = blocked;
    planar.inputs[0] = 1;
    std::vector<BlockChoice> choices{blocked, planar};
    if (op.inputs[0].shape[1] <= kPlanarChannels) std::swap(choices[0], choices[1]);
    addPlanarOutput(choices, op, blocked);
    return choices;
  }
  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return quantTileSpace(Shape2d(p).work(), true, device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(quantTileFallback(Shape2d(p).work(), device, true));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<TileTactic>(tactic);
    const Shape2d s(p);
    const Window& w = s.window;
    const TileWork work = s.work();
    const TileRegions regions = tileRegions(work, t);
    const std::int64_t C = w.groupChannels(), taps = w.kernelVolume();
    const WeightOrder order{
        "q_conv_direct g" + std::to_string(w.group),
        [C, taps](std::int64_t k, std::int64_t c, std::int64_t tap) { return (k * C + c) * taps + tap; },
        [](std::int64_t tap) { return tap; }};
    Launch launch;
    KernelCall call = quantTileCall(launch, p, w, work, t, order, "q_conv_direct", device);
    call.defines.emplace_back("P_STEP", std::to_string(w.stride[2]));
    launch.scratch = {static_cast<std::size_t>(std::max<std::int64_t>(sumBytes(work, t), 64))};
    call.args.push_back(KernelArg::scratch(0));
    addQuantArgs(call.args, p);
    addPlaces(call.args, p);
    const std::int64_t panel = t.panel ? t.panel : work.inputBlocks();
    for (const std::int64_t value :
         {C, s.h, s.w, w.outChannels, work.kBlocks, s.oh, s.ow, w.kernel[1], w.kernel[2], w.stride[1],
          w.dilation[1], w.dilation[2], w.padBegin[1], w.padBegin[2], regions.rows, regions.columns, panel})
      call.args.push_back(KernelArg::ofInt(value));
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    const Shape2d s(p);
    const double operations = 2.0 * static_cast<double>(p.outputs[0].size() * s.window.groupChannels()) *
                              static_cast<double>(s.window.kernelVolume());
    const TileWork work = s.work();
    return quantTileCost(p, KernelFamily::cost(p, device), operations, s.window, work,
                         quantTileFallback(work, device, true), device);
  }

  std::vector<OpInstance> samples() const override { return quantTileSamples("QConvolution", "conv_direct"); }
};

}  // namespace

void addFamilies_q_conv_direct(FamilyList& list) {
  static const QConvDirect family;
  list.add(family, {"QConvolution"});
}

}  // namespace tessera
