// conv_direct: convolution over channel-blocked tensors for CPUs.
#include "clkernels/conv_direct/tile.hpp"

namespace tessera {
namespace {

// Below this many input channels a planar input is read as it is: blocks of 16 would be mostly padding.
constexpr std::int64_t kPlanarChannels = 8;

struct Shape2d {
  Window window;
  bool flat;  // all pixels in one row
  int block;
  std::int64_t h, w, oh, ow;

  explicit Shape2d(const OpView& op) : window(windowOf(op)), block(op.inputs[0].layout.block) {
    flat = window.pointwise();
    h = flat ? 1 : window.in[1], w = flat ? window.inVolume() : window.in[2];
    oh = flat ? 1 : window.out[1], ow = flat ? window.outVolume() : window.out[2];
  }
  TileWork work() const {
    TileWork t{.rows = oh, .columns = ow};
    t.kBlocks = ceilDiv(window.groupOutputs(), 16);
    t.groups = window.group, t.batch = window.batch;
    t.channels = window.groupChannels(), t.taps = window.kernelVolume();
    t.block = block;
    t.patchFloats = window.kernel[1] * window.span(2) * block;
    t.patchFloatsPerPixel = window.kernel[1] * window.stride[2] * block;
    return t;
  }
};

// [group][tile][C / block][KH][KW][block][TK * 16]
PackedConstant packWeights(const Window& w, int block, int tk) {
  return {
      "conv_direct b" + std::to_string(block) + " tk" + std::to_string(tk) + " g" + std::to_string(w.group),
      [w, block, tk](const std::vector<const HostTensor*>& inputs) {
        const auto from = inputs.at(1)->as<float>();
        const std::int64_t C = w.groupChannels(), K = w.groupOutputs(), taps = w.kernelVolume();
        const std::int64_t wide = tk * 16, tiles = ceilDiv(K, wide), blocks = ceilDiv(C, block);
        HostTensor packed(DataType::Float32, {w.group, tiles, blocks, taps, block, wide});
        const auto to = packed.as<float>();
        for (std::int64_t k = 0; k < w.outChannels; ++k)
          for (std::int64_t c = 0; c < C; ++c)
            for (std::int64_t tap = 0; tap < taps; ++tap) {
              const std::int64_t tile = k / K * tiles + k % K / wide;
              to[(((tile * blocks + c / block) * taps + tap) * block + c % block) * wide + k % K % wide] =
                  from[(k * C + c) * taps + tap];
            }
        return packed;
      }};
}

class ConvDirect final : public KernelFamily {
 public:
  FamilyId id() const override { return {"conv_direct", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    return tileApplies(op, device);
  }

  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    const BlockChoice blocked = BlockChoice::uniform(op, 16);
    BlockChoice planar = blocked;
    planar.inputs[0] = 1;
    if (op.inputs[0].shape[1] < kPlanarChannels) return {planar, blocked};
    return {blocked, planar};
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return tileSpace(Shape2d(p).work(), device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(tileFallback(Shape2d(p).work(), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<TileTactic>(tactic);
    const Shape2d s(p);
    const Window& w = s.window;
    const TileWork work = s.work();
    const TileRegions regions = tileRegions(work, t);
    Launch launch;
    launch.packed = {packWeights(w, s.block, t.tk)};
    KernelCall call = tileCall(launch, p, work, t, "conv_direct/conv_direct.cl", "conv_direct", device);
    call.defines.emplace_back("P_STEP", std::to_string(w.stride[2]));
    const std::int64_t panel = t.panel ? t.panel : work.inputBlocks();
    for (const std::int64_t value : {w.groupChannels(), s.h, s.w, w.outChannels, work.kBlocks, s.oh, s.ow,
                                     w.kernel[1], w.kernel[2], w.stride[1], w.dilation[1], w.dilation[2],
                                     w.padBegin[1], w.padBegin[2], regions.rows, regions.columns, panel})
      call.args.push_back(KernelArg::ofInt(value));
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    const Shape2d s(p);
    const double operations = 2.0 * static_cast<double>(p.outputs[0].size() * s.window.groupChannels()) *
                              static_cast<double>(s.window.kernelVolume());
    return tileCost(KernelFamily::cost(p, device), operations, s.window, s.work(), device);
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    return {
        // Tiles with a tail, borders on both sides, channels that are not whole blocks.
        convolutionSample({2, 20, 9, 31}, {35, 20, 3, 3},
                          {{"pads", List{1, 1, 1, 1}}, {"activation", "Sigmoid"}}),
        // Dilation beyond the image: taps that miss it for every pixel.
        convolutionSample({1, 16, 7, 19}, {12, 16, 3, 3},
                          {{"pads", List{16, 16, 16, 16}}, {"dilations", List{16, 16}}}),
        convolutionSample({1, 25, 12, 40}, {28, 25, 3, 3},
                          {{"pads", List{8, 8, 8, 8}}, {"dilations", List{8, 8}}}, false, true),
        // First layers: few planar channels.
        convolutionSample({2, 3, 18, 37}, {20, 3, 7, 7},
                          {{"pads", List{3, 3, 3, 3}}, {"strides", List{2, 2}}}),
        // Several passes over the input channels, uneven strides and pads.
        convolutionSample({1, 70, 10, 23}, {48, 70, 5, 3},
                          {{"pads", List{0, 2, 3, 1}}, {"strides", List{3, 2}}}, true, true),
        // Matrix products over flattened pixels, with and without a tail.
        convolutionSample({2, 48, 5, 7}, {64, 48, 1, 1}, {{"activation", "Relu"}}, true, true),
        convolutionSample({1, 130, 1, 1}, {19, 130, 1, 1}, {}),
        convolutionSample({1, 32, 13, 13}, {33, 32, 1, 1}, {{"strides", List{2, 2}}}),
        convolutionSample({1, 64, 8, 11}, {96, 32, 3, 3},
                          {{"pads", List{1, 1, 1, 1}}, {"group", std::int64_t{2}}}),
        convolutionSample({1, 18, 33}, {40, 18, 4}, {{"pads", List{3, 0}}}),
    };
  }
};

}  // namespace

void addFamilies_conv_direct(FamilyList& list) {
  static const ConvDirect family;
  list.add(family, {"Convolution"});
}

}  // namespace tessera
