// deconv_direct: transposed convolution over channel-blocked tensors for CPUs.
#include "clkernels/conv_direct/tile.hpp"

namespace tessera {
namespace {

TileWork workOf(const Window& w, int block) {
  TileWork t{.rows = w.out[1], .columns = ceilDiv(w.out[2], w.stride[2])};
  t.kBlocks = ceilDiv(w.groupOutputs(), 16);
  t.groups = w.group, t.batch = w.batch;
  t.channels = w.groupChannels(), t.taps = ceilDiv(w.kernel[1], w.stride[1]) * w.kernel[2];
  t.block = block;
  const std::int64_t tapRows = ceilDiv(w.kernel[1], w.stride[1]),
                     tapColumns = ceilDiv(w.kernel[2], w.stride[2]);
  t.patchFloats = tapRows * tapColumns * block;
  t.patchFloatsPerPixel = tapRows * block;
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

// [group][tile][C / block][taps by phase][block][TK * 16] from [C][K / group][KH][KW]
PackedConstant packWeights(const Window& w, int block, int tk) {
  const std::string name = "deconv_direct b" + std::to_string(block) + " tk" + std::to_string(tk) + " g" +
                           std::to_string(w.group) + " s" + std::to_string(w.stride[1]) + "x" +
                           std::to_string(w.stride[2]);
  return {
      name, [w, block, tk](const std::vector<const HostTensor*>& inputs) {
        const auto from = inputs.at(1)->as<float>();
        const std::int64_t C = w.groupChannels(), K = w.groupOutputs(), KH = w.kernel[1], KW = w.kernel[2];
        const std::int64_t wide = tk * 16, tiles = ceilDiv(K, wide), blocks = ceilDiv(C, block);
        HostTensor packed(DataType::Float32, {w.group, tiles, blocks, KH * KW, block, wide});
        const auto to = packed.as<float>();
        for (std::int64_t ky = 0; ky < KH; ++ky)
          for (std::int64_t kx = 0; kx < KW; ++kx) {
            const Phase py(ky, KH, w.stride[1]), px(kx, KW, w.stride[2]);
            const std::int64_t tap = py.before * KW + py.count * px.before + py.at * px.count + px.at;
            for (std::int64_t c = 0; c < w.channels; ++c)
              for (std::int64_t k = 0; k < K; ++k) {
                const std::int64_t tile = c / C * tiles + k / wide, inGroup = c % C;
                to[(((tile * blocks + inGroup / block) * KH * KW + tap) * block + inGroup % block) * wide +
                   k % wide] = from[((c * K + k) * KH + ky) * KW + kx];
              }
          }
        return packed;
      }};
}

class DeconvDirect final : public KernelFamily {
 public:
  FamilyId id() const override { return {"deconv_direct", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const Verdict verdict = tileApplies(op, device); !verdict) return verdict;
    if (op.inputs[0].layout.block != 16) return Verdict::no("the input is not in blocks of 16 channels");
    const Window w = windowOf(op);
    if (w.dilation[1] != 1 || w.dilation[2] != 1) return Verdict::no("the taps are dilated");
    if (w.padBegin[1] < 0 || w.padBegin[2] < 0) return Verdict::no("a pad is negative");
    return Verdict::yes();
  }

  int channelBlock(const OpView&, const DeviceCaps&) const override { return 16; }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return tileSpace(workOf(windowOf(p), p.inputs[0].layout.block), device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(tileFallback(workOf(windowOf(p), p.inputs[0].layout.block), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<TileTactic>(tactic);
    const Window w = windowOf(p);
    const int block = p.inputs[0].layout.block;
    const TileWork work = workOf(w, block);
    const TileRegions regions = tileRegions(work, t);
    Launch launch;
    launch.packed = {packWeights(w, block, t.tk)};
    KernelCall call = tileCall(launch, p, work, t, "deconv_direct/deconv_direct.cl", "deconv_direct", device);
    const std::int64_t panel = t.panel ? t.panel : work.inputBlocks();
    for (const std::int64_t value : {w.groupChannels(), w.in[1], w.in[2], w.outChannels, work.kBlocks,
                                     w.out[1], w.out[2], w.kernel[1], w.kernel[2], w.stride[1], w.stride[2],
                                     w.padBegin[1], w.padBegin[2], regions.rows, regions.columns, panel})
      call.args.push_back(KernelArg::ofInt(value));
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    const double operations =
        2.0 * static_cast<double>(p.inputs[0].size() * w.groupOutputs() * w.kernelVolume());
    return tileCost(KernelFamily::cost(p, device), operations, w, workOf(w, p.inputs[0].layout.block),
                    device);
  }

  std::vector<OpInstance> samples() const override {
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
};

}  // namespace

void addFamilies_deconv_direct(FamilyList& list) {
  static const DeconvDirect family;
  list.add(family, {"Deconvolution"});
}

}  // namespace tessera
