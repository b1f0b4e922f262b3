// conv_direct, q_conv_direct: convolution over channel-blocked tensors for CPUs, in f32, half storage or
// INT8.
#include "clkernels/conv_direct/tile.hpp"

namespace tessera {
namespace {

// Up to so many input channels a planar input is read as it is: blocks of 16 would be mostly padding.
constexpr std::int64_t kPlanarFloats = 7, kPlanarCodes = 4;

class ConvDirect final : public TiledFamily {
 public:
  ConvDirect(std::string_view name, bool codes) : TiledFamily(name, "conv_direct", codes) {}

  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    const BlockChoice blocked = BlockChoice::uniform(op, 16);
    BlockChoice planar = blocked;
    planar.inputs[0] = 1;
    std::vector<BlockChoice> choices{blocked, planar};
    if (op.inputs[0].shape[1] <= (codes() ? kPlanarCodes : kPlanarFloats)) std::swap(choices[0], choices[1]);
    addPlanarOutput(choices, op, blocked);
    return choices;
  }

  std::vector<OpInstance> samples() const override {
    return codes() ? quantisedTwins("QConvolution", floatSamples()) : floatSamples();
  }
  static std::vector<OpInstance> floatSamples() {
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
        // Bounds, within what codes hold and beyond.
        convolutionSample({1, 16, 6, 9}, {35, 16, 1, 1},
                          {{"activation", "Clip"}, {"alpha", 0.0}, {"beta", 0.4}}, true, true),
        convolutionSample({1, 40, 5, 9}, {16, 40, 1, 1},
                          {{"activation", "Clip"}, {"alpha", 0.0}, {"beta", 60.0}}),
        convolutionSample({1, 32, 13, 13}, {33, 32, 1, 1}, {{"strides", List{2, 2}}}),
        convolutionSample({1, 64, 8, 11}, {96, 32, 3, 3},
                          {{"pads", List{1, 1, 1, 1}}, {"group", std::int64_t{2}}}),
        convolutionSample({1, 18, 33}, {40, 18, 4}, {{"pads", List{3, 0}}}),
    };
  }

 protected:
  TileShape shape(const OpView& op, const DeviceCaps& device) const override {
    TileShape s{.window = windowOf(op)};
    const Window& w = s.window;
    const bool flat = w.pointwise();  // all pixels in one row
    s.h = flat ? 1 : w.in[1], s.w = flat ? w.inVolume() : w.in[2];
    s.oh = flat ? 1 : w.out[1], s.ow = flat ? w.outVolume() : w.out[2];
    s.work = tileWork(op, w, device);
    s.work.rows = s.oh, s.work.columns = s.ow, s.work.taps = w.kernelVolume();
    s.work.setPatch(w.kernel[1], w.span(2), w.stride[2]);
    s.step = w.stride[2];
    s.further = {w.stride[1], w.dilation[1], w.dilation[2], w.padBegin[1], w.padBegin[2]};
    const std::int64_t C = w.groupChannels(), taps = w.kernelVolume();
    s.operations = 2.0 * static_cast<double>(op.outputs[0].size() * C) * static_cast<double>(taps);
    s.order = {
        "conv_direct g" + std::to_string(w.group),
        [C, taps](std::int64_t k, std::int64_t c, std::int64_t tap) { return (k * C + c) * taps + tap; },
        [](std::int64_t tap) { return tap; }};
    return s;
  }
};

}  // namespace

void addFamilies_conv_direct(FamilyList& list) {
  list.add<ConvDirect>({"Convolution"}, "conv_direct", false);
  list.add<ConvDirect>({"QConvolution"}, "q_conv_direct", true);
}

}  // namespace tessera
