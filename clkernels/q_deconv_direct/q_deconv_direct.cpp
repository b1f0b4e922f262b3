// q_deconv_direct: INT8 transposed convolution over channel-blocked codes for CPUs.
#include <algorithm>

#include "clkernels/q_conv_direct/q_tile.hpp"

namespace tessera {
namespace {

TileWork workOf(const OpView& op) {
  const Window w = windowOf(op);
  const int depth = tileDepth(op.inputs[0].layout.block);
  TileWork t{.rows = w.out[1], .columns = ceilDiv(w.out[2], w.stride[2])};
  t.kBlocks = ceilDiv(w.groupOutputs(), 16);
  t.groups = w.group, t.batch = w.batch;
  t.channels = w.groupChannels(), t.taps = w.kernelVolume();
  t.block = depth;
  const std::int64_t tapRows = ceilDiv(w.kernel[1], w.stride[1]),
                     tapColumns = ceilDiv(w.kernel[2], w.stride[2]);
  t.patchFloats = tapRows * tapColumns * depth;
  t.patchFloatsPerPixel = tapRows * depth;
  return t;
}

// Work of one of the small convolutions, for choosing a tile: its share of the taps.
TileWork phaseWork(const OpView& op) {
  TileWork t = workOf(op);
  const Window w = windowOf(op);
  t.taps = ceilDiv(w.kernel[1], w.stride[1]) * ceilDiv(w.kernel[2], w.stride[2]);
  return t;
}

// Place of tap `k` of `taps` among those of its remainder, which are flipped, and the number of taps before
// and in it.
struct Phase {
  std::int64_t before, count, at;
  Phase(std::int64_t k, std::int64_t taps, std::int64_t stride) {
    const std::int64_t r = k % stride;
    before = r * (taps / stride) + std::min(r, taps % stride);
    count = (taps - 1 - r) / stride + 1;
    at = count - 1 - k / stride;
  }
};

// Weights come as [C][K / group][KH][KW].
WeightOrder orderOf(const Window& w) {
  const std::int64_t C = w.groupChannels(), K = w.groupOutputs(), taps = w.kernelVolume();
  return {"q_deconv_direct g" + std::to_string(w.group) + " s" + std::to_string(w.stride[1]) + "x" +
              std::to_string(w.stride[2]),
          [=](std::int64_t k, std::int64_t c, std::int64_t tap) {
            return ((k / K * C + c) * K + k % K) * taps + tap;
          },
          [=](std::int64_t tap) {
            const Phase py(tap / w.kernel[2], w.kernel[1], w.stride[1]),
                px(tap % w.kernel[2], w.kernel[2], w.stride[2]);
            return py.before * w.kernel[2] + py.count * px.before + py.at * px.count + px.at;
          }};
}

class QDeconvDirect final : public KernelFamily {
 public:
  FamilyId id() const override { return {"q_deconv_direct", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const Verdict verdict = quantTileApplies(op, device); !verdict) return verdict;
    if (op.inputs[0].layout.block != 16) return Verdict::no("the input is not in blocks of 16 channels");
    const Window w = windowOf(op);
    if (w.dilation[1] != 1 || w.dilation[2] != 1) return Verdict::no("the taps are dilated");
    if (w.padBegin[1] < 0 || w.padBegin[2] < 0) return Verdict::no("a pad is negative");
    if (patchWords(workOf(op), {}) > kMaxPatchWords) return Verdict::no("the window is too large");
    return Verdict::yes();
  }
  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    std::vector<BlockChoice> choices{BlockChoice::uniform(op, 16)};
    addPlanarOutput(choices, op, choices[0]);
    return choices;
  }
  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return quantTileSpace(workOf(p), false, device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(quantTileFallback(phaseWork(p), device, false));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<TileTactic>(tactic);
    const Window w = windowOf(p);
    const TileWork work = workOf(p);
    const TileRegions regions = tileRegions(work, t);
    Launch launch;
    KernelCall call = quantTileCall(launch, p, w, work, t, orderOf(w), "q_deconv_direct", device);
    addQuantArgs(call.args, p);
    addPlaces(call.args, p);
    for (const std::int64_t value :
         {w.groupChannels(), w.in[1], w.in[2], w.outChannels, work.kBlocks, w.out[1], w.out[2], w.kernel[1],
          w.kernel[2], w.stride[1], w.stride[2], w.padBegin[1], w.padBegin[2], regions.rows, regions.columns})
      call.args.push_back(KernelArg::ofInt(value));
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    const double operations =
        2.0 * static_cast<double>(p.inputs[0].size() * w.groupOutputs() * w.kernelVolume());
    const TileWork work = phaseWork(p);
    return quantTileCost(p, KernelFamily::cost(p, device), operations, w, work,
                         quantTileFallback(work, device, false), device);
  }

  std::vector<OpInstance> samples() const override {
    return quantTileSamples("QDeconvolution", "deconv_direct");
  }
};

}  // namespace

void addFamilies_q_deconv_direct(FamilyList& list) {
  static const QDeconvDirect family;
  list.add(family, {"QDeconvolution"});
}

}  // namespace tessera
