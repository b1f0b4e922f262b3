// conv_winograd: 3x3 convolutions of stride 1 over blocks of 16 channels, for CPUs.
#include "clkernels/common/finish.hpp"
#include "clkernels/conv_winograd/winograd.hpp"

namespace tessera {
namespace {

class ConvWinograd final : public KernelFamily {
 public:
  FamilyId id() const override { return {"conv_winograd", 1}; }
  // What it gains depends on caches more than on counts; and its rounding differs from a plain sum's, which
  // is what runs untuned.
  bool onlyMeasured() const override { return true; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const Verdict verdict = winogradApplies(op, device); !verdict) return verdict;
    if (const Verdict verdict = inBlocksOf16(op); !verdict) return verdict;
    const Window w = windowOf(op);
    if (w.kernel[2] != 3) return Verdict::no("the window is not 3x3");
    const WinogradTactic least{2, 4, 1, 1, 1};
    if (winogradInputBytes(w, least) + winogradProductBytes(least) > device.localMemory)
      return Verdict::no("four transformed tiles do not fit local memory");
    return Verdict::yes();
  }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 16; }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return winogradSpace(windowOf(p), device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(winogradFallback(windowOf(p), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const auto t = fromTactic<WinogradTactic>(tactic);
    const Window w = windowOf(p);
    const WinogradTiles tiles(w, t.m);
    const std::int64_t channelTiles = ceilDiv(ceilDiv(w.outChannels, 16), t.tk),
                       share = ceilDiv(channelTiles, t.parts);
    Launch launch;
    launch.packed = {packWinogradWeights(w, t.m, t.tk)};
    KernelCall call{"conv_winograd/conv_winograd.cl", "conv_winograd"};
    call.defines = {{"T_M", std::to_string(t.m)},
                    {"T_TX", std::to_string(t.tx)},
                    {"T_TK", std::to_string(t.tk)},
                    {"T_GROUPS", std::to_string(t.groups)}};
    addEpilogueDefines(call.defines, p);
    setItems(call, {ceilDiv(tiles.count(), t.tiles()), ceilDiv(channelTiles, share), w.batch});
    launch.scratch = {call.global[0] * call.global[1] * call.global[2] *
                      static_cast<std::size_t>(t.elements()) * 64};
    call.args = {KernelArg::input(0), KernelArg::packed(0)};
    addPaddedEpilogueArgs(launch, call.args, p, 16);
    call.args.push_back(KernelArg::output(0));
    call.args.push_back(KernelArg::scratch(0));
    call.args.push_back(KernelArg::local(winogradInputBytes(w, t)));
    call.args.push_back(KernelArg::local(winogradProductBytes(t)));
    addPlaces(call.args, p);
    addInts(call.args,
            {w.channels, w.in[1], w.in[2], w.outChannels, w.out[1], w.out[2], w.dilation[1], w.dilation[2],
             w.padBegin[1], w.padBegin[2], tiles.count(), tiles.tilesY, tiles.tilesX, tiles.phasesX, share});
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    return winogradCost(KernelFamily::cost(p, device), p, 0.8,
                        winogradSteps(w, winogradFallback(w, device), device));
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    return {
        // Tiles with a tail in both extents and channels, borders on every side.
        winogradSample({2, 20, 9, 31}, {35, 20, 3, 3},
                       {{"pads", List{1, 1, 1, 1}}, {"activation", "Sigmoid"}}),
        // Phases of unequal size; a dilation beyond the image; one that differs between the extents.
        winogradSample({1, 25, 13, 22}, {28, 25, 3, 3},
                       {{"pads", List{4, 4, 4, 4}}, {"dilations", List{4, 4}}}, true),
        winogradSample({1, 16, 7, 19}, {12, 16, 3, 3},
                       {{"pads", List{16, 16, 16, 16}}, {"dilations", List{16, 16}}}),
        winogradSample({1, 18, 11, 8}, {17, 18, 3, 3},
                       {{"pads", List{0, 3, 1, 2}}, {"dilations", List{1, 3}}}),
        // Several channel tiles, so that parts share them; no pads; a single tile.
        winogradSample({1, 40, 12, 12}, {100, 40, 3, 3}, {{"activation", "Relu"}}, true),
        winogradSample({1, 16, 3, 3}, {16, 16, 3, 3}, {}),
    };
  }
};

}  // namespace

void addFamilies_conv_winograd(FamilyList& list) { list.add<ConvWinograd>({"Convolution"}); }

}  // namespace tessera
