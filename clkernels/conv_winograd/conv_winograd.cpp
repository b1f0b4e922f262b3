// conv_winograd, q_conv_winograd: 3x3 convolutions of stride 1 over blocks of 16 channels, for CPUs, in f32
// or INT8.
#include "clkernels/common/finish.hpp"
#include "clkernels/common/image.hpp"
#include "clkernels/conv_winograd/winograd.hpp"

namespace tessera {
namespace {

class ConvWinograd final : public KernelFamily {
 public:
  ConvWinograd(std::string_view name, bool codes) : name_(name), codes_(codes) {}
  FamilyId id() const override { return {name_, 1}; }
  // Its weights take up to four times the memory, in codes eight times: in floats images as large as this
  // gain a factor of two to four by it, in codes it has to be measured.
  bool onlyMeasured(const OpView& op) const override { return codes_ || !winogradGains(windowOf(op)); }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const Verdict verdict = winogradApplies(op, device, codes_); !verdict) return verdict;
    if (const Verdict verdict = inBlocksOf16(op); !verdict) return verdict;
    for (const char* zero : {"x_zero", "zero", "residual_zero"})
      if (op.attrs.has(zero)) return Verdict::no("its codes have a zero point");
    const WinogradWork work{windowOf(op), codes_};
    if (work.window.kernel[2] != 3) return Verdict::no("the window is not 3x3");
    const WinogradTactic least{2, 4, 1, 1, 1};
    if (winogradInputBytes(work, least) + winogradProductBytes(least) > device.localMemory)
      return Verdict::no("four transformed tiles do not fit local memory");
    return Verdict::yes();
  }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 16; }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return winogradSpace({windowOf(p), codes_}, device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(winogradFallback({windowOf(p), codes_}, device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<WinogradTactic>(tactic);
    const WinogradWork work{windowOf(p), codes_};
    const Window& w = work.window;
    const WinogradTiles tiles(w, t.m);
    const std::int64_t channelTiles = work.channelTiles(t.tk), share = ceilDiv(channelTiles, t.parts);
    Launch launch;
    KernelCall call{"conv_winograd/conv_winograd.cl", "conv_winograd"};
    call.defines = {{"T_M", std::to_string(t.m)},
                    {"T_TX", std::to_string(t.tx)},
                    {"T_TK", std::to_string(t.tk)},
                    {"T_GROUPS", std::to_string(t.groups)}};
    addFinishDefines(call.defines, p, device);
    setItems(call, {ceilDiv(tiles.count(), t.tiles()), ceilDiv(channelTiles, share), w.batch});
    const std::size_t items = call.global[0] * call.global[1] * call.global[2];
    launch.scratch = {items * static_cast<std::size_t>(t.elements()) * 16 * byteSize(p.inputs[0].type)};
    call.args = {KernelArg::input(0), KernelArg::packed(0)};
    if (codes_) {
      launch.packed = packWinogradCodes(w, t.m, t.tk);
      call.args.push_back(KernelArg::packed(1));
      const bool passes = winogradMayNeedPasses(w, t.m);
      addDefine(call.defines, "P_PARTIAL", passes);
      if (passes)
        launch.scratch.push_back(items * static_cast<std::size_t>(t.tk * t.tiles() * t.m * t.m) * 64);
      call.args.push_back(passes ? KernelArg::scratch(1) : KernelArg::none());
    } else {
      launch.packed = {packWinogradWeights(w, t.m, t.tk)};
    }
    addFinishArgs(launch, call.args, p);
    call.args.push_back(KernelArg::output(0));
    call.args.push_back(KernelArg::scratch(0));
    call.args.push_back(KernelArg::local(winogradInputBytes(work, t)));
    call.args.push_back(KernelArg::local(winogradProductBytes(t)));
    addPlaces(call.args, p);
    addInts(call.args,
            {w.channels, w.in[1], w.in[2], w.outChannels, w.out[1], w.out[2], w.dilation[1], w.dilation[2],
             w.padBegin[1], w.padBegin[2], tiles.count(), tiles.tilesY, tiles.tilesX, tiles.phasesX, share});
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    const WinogradWork work{windowOf(p), codes_};
    return winogradCost(KernelFamily::cost(p, device), p, 0.8,
                        winogradSteps(work, winogradFallback(work, device), device));
  }

  std::vector<OpInstance> samples() const override {
    if (!codes_) return floatSamples();
    auto samples = floatSamples();
    // Random codes of so many channels take several passes.
    samples.push_back(winogradSample({1, 480, 5, 6}, {16, 480, 3, 3}, {}));
    return quantisedTwins("QConvolution", samples);
  }
  static std::vector<OpInstance> floatSamples() {
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

 private:
  std::string_view name_;
  bool codes_;
};

}  // namespace

void addFamilies_conv_winograd(FamilyList& list) {
  list.add<ConvWinograd>({"Convolution"}, "conv_winograd", false);
  list.add<ConvWinograd>({"QConvolution"}, "q_conv_winograd", true);
}

}  // namespace tessera
