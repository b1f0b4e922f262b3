// deconv_direct, q_deconv_direct: transposed convolution over channel-blocked tensors for CPUs, in f32, half
// storage or INT8.
#include "clkernels/conv_direct/tile.hpp"

namespace tessera {
namespace {

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
  return {"deconv_direct g" + std::to_string(w.group) + " s" + std::to_string(w.stride[1]) + "x" +
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

class DeconvDirect final : public TiledFamily {
 public:
  DeconvDirect(std::string_view name, bool codes) : TiledFamily(name, "deconv_direct", codes) {}

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const Verdict verdict = TiledFamily::applies(op, device); !verdict) return verdict;
    if (op.inputs[0].layout.block != 16) return Verdict::no("the input is not in blocks of 16 channels");
    const Window w = windowOf(op);
    if (w.dilation[1] != 1 || w.dilation[2] != 1) return Verdict::no("the taps are dilated");
    if (w.padBegin[1] < 0 || w.padBegin[2] < 0) return Verdict::no("a pad is negative");
    return Verdict::yes();
  }

  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    std::vector<BlockChoice> choices{BlockChoice::uniform(op, 16)};
    addPlanarOutput(choices, op, choices[0]);
    return choices;
  }

  std::vector<OpInstance> samples() const override {
    return codes() ? quantisedTwins("QDeconvolution", floatSamples()) : floatSamples();
  }
  static std::vector<OpInstance> floatSamples() {
    using List = std::vector<std::int64_t>;
    const auto deconv = [](Shape x, Shape weights, List strides, List pads, Attributes more = {},
                           bool residual = false) {
      more.set("strides", std::move(strides)).set("pads", std::move(pads));
      const std::int64_t k = weights[1] * more.integer("group", 1);
      std::vector<TensorDesc> inputs{f32(x), f32(weights), f32({k})};
      if (residual) {
        const auto plain = makeSample("Deconvolution", more, inputs, {}, {false, true, true});
        inputs.push_back(f32(plain.view.outputs[0].shape));
      }
      return makeSample("Deconvolution", std::move(more), inputs, {}, {false, true, true});
    };
    return {
        deconv({2, 20, 5, 17}, {20, 19, 2, 2}, {2, 2}, {0, 0, 0, 0}, {{"activation", "Relu"}}),
        deconv({1, 19, 6, 15}, {19, 19, 4, 4}, {2, 2}, {1, 1, 1, 1}, {}, true),
        // Fewer taps in some remainders than in others, none in some.
        deconv({1, 33, 4, 14}, {33, 18, 3, 3}, {2, 2}, {1, 1, 1, 1}, {{"output_padding", List{1, 1}}}),
        deconv({1, 16, 3, 9}, {16, 16, 2, 3}, {3, 4}, {0, 0, 0, 0}, {{"activation", "Sigmoid"}}),
        deconv({1, 5, 4, 6}, {5, 5, 16, 16}, {8, 8}, {4, 4, 4, 4}),
        // Stride 1; more output columns asked for than taps reach; groups of whole blocks.
        deconv({1, 40, 6, 21}, {40, 50, 3, 5}, {1, 1}, {1, 2, 0, 1}),
        deconv({2, 32, 4, 7}, {32, 16, 3, 3}, {2, 2}, {0, 1, 1, 0}, {{"group", std::int64_t{2}}}),
    };
  }

 protected:
  TileShape shape(const OpView& op, const DeviceCaps& device) const override {
    TileShape s{.window = windowOf(op)};
    const Window& w = s.window;
    const std::int64_t tapRows = ceilDiv(w.kernel[1], w.stride[1]),
                       tapColumns = ceilDiv(w.kernel[2], w.stride[2]);
    s.h = w.in[1], s.w = w.in[2], s.oh = w.out[1], s.ow = w.out[2];
    s.work = tileWork(op, w, device);
    s.work.rows = s.oh, s.work.columns = ceilDiv(s.ow, w.stride[2]);
    s.work.taps = tapRows * (s.work.codes() ? tapColumns : w.kernel[2]);
    s.work.panels = s.work.panels && s.work.inPlace();
    s.work.setPatch(tapRows, tapColumns, 1);
    s.step = 1;
    s.further = {w.stride[1], w.stride[2], w.padBegin[1], w.padBegin[2]};
    s.operations = 2.0 * static_cast<double>(op.inputs[0].size() * w.groupOutputs() * w.kernelVolume());
    s.order = orderOf(w);
    return s;
  }
};

}  // namespace

void addFamilies_deconv_direct(FamilyList& list) {
  list.add<DeconvDirect>({"Deconvolution"}, "deconv_direct", false);
  list.add<DeconvDirect>({"QDeconvolution"}, "q_deconv_direct", true);
}

}  // namespace tessera
