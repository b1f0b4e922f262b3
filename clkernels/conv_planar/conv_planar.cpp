// conv_planar, q_conv_planar: convolution of planar tensors for CPUs, lanes along the pixels, in f32, half
// storage or codes.
#include <algorithm>

#include "clkernels/common/compares_tactics.hpp"
#include "clkernels/common/constraint.hpp"
#include "clkernels/common/image.hpp"
#include "clkernels/common/registers.hpp"
#include "clkernels/common/storage.hpp"
#include "clkernels/conv_planar/planar.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kMaxTaps = 11;  // of a row, which are unrolled

/// Output channels and vectors of 16 pixels in registers; tiles per work-item.
struct PlanarTactic {
  int k = 1, v = 1, region = 1;
  static constexpr auto fields() {
    using T = PlanarTactic;
    return std::tuple{Field<T>{"K", &T::k}, Field<T>{"V", &T::v}, Field<T>{"REGION", &T::region}};
  }
  std::int64_t pixels() const { return std::int64_t{16} * v; }
};

struct PlanarShape {
  Window window;
  bool half, codes;
  bool copies;  // some column of a window leaves the image; of codes always, which are put side by side
  std::int64_t h, w, oh, ow, C, K;

  explicit PlanarShape(const OpView& op)
      : window(windowOf(op)), half(op.inputs[0].type == DataType::Float16), codes(inCodes(op)) {
    const Window& win = window;
    const bool flat = win.pointwise();  // all pixels in one row
    h = flat ? 1 : win.in[1], w = flat ? win.inVolume() : win.in[2];
    oh = flat ? 1 : win.out[1], ow = flat ? win.outVolume() : win.out[2];
    C = win.channels, K = win.outChannels;
    copies = codes || win.padBegin[2] > 0 || (ow - 1) * win.stride[2] + win.span(2) > w || ow < 16;
  }
  std::int64_t depth() const { return planarDepth(codes); }  // input channels of a step
  std::int64_t channelSteps() const { return ceilDiv(C, depth()); }
  std::int64_t tilesPerRow(const PlanarTactic& t) const { return ceilDiv(ow, t.pixels()); }
  // Rows and columns of output pixels of one work-item.
  std::int64_t rows(const PlanarTactic& t) const {
    return std::clamp<std::int64_t>(t.region / tilesPerRow(t), 1, oh);
  }
  std::int64_t columns(const PlanarTactic& t) const {
    return t.region >= tilesPerRow(t) ? ow : t.region * t.pixels();
  }
  std::int64_t span(const PlanarTactic& t) const {
    return (roundUp(columns(t), t.pixels()) - 1) * window.stride[2] + window.span(2);
  }
  std::int64_t patchBytes(const PlanarTactic& t) const {
    return copies ? channelSteps() * window.kernel[1] * span(t) * 4 : 0;
  }
  std::int64_t widenedBytes(const PlanarTactic& t) const {
    return half ? planarWidenedBytes(window, t.k) : 0;
  }
  // Rows of taps by which an output row's differ from the last one's.
  std::int64_t shift() const {
    const std::int64_t taps = window.kernel[1];
    return std::min(taps, window.stride[1] == 1 ? 1 : window.dilation[1] == 1 ? window.stride[1] : taps);
  }
};

bool fitsLocal(const PlanarShape& s, const PlanarTactic& t, const DeviceCaps& device) {
  const auto local = static_cast<std::int64_t>(device.localMemory);
  return s.patchBytes(t) <= std::min(kPlanarPatchBytes, local / 2) && s.widenedBytes(t) <= local / 2;
}

// Register steps per step of input channels and tap for the whole output; loads of pixels cost a part of a
// step, shuffles of a stride more. Codes are put side by side for each row of the output, and end in a long
// epilogue.
double steps(const PlanarShape& s, const PlanarTactic& t, const DeviceCaps& device) {
  double busy = VectorRegisters(device).step(t.k * t.v, t.v) + t.v * (s.window.stride[2] == 2 ? 2.0 : 0.7) +
                (t.v > 1 ? 0.1 * t.k : 0.0) + 0.5;
  if (s.codes) {
    const auto taps = static_cast<double>(s.window.kernelVolume());
    // With one vector of pixels each multiply-add waits for its weight, which is broadcast from memory.
    if (t.v == 1) busy += 0.35 * t.k;
    // To put 16 pixels' codes side by side takes 14 steps; work-items that are neighbours copy some rows
    // both.
    busy += (taps > 1 ? 20.0 : 14.0) * t.v * static_cast<double>(s.window.stride[2]) / taps;
    busy += 14.0 * t.v * t.k / (taps * static_cast<double>(s.channelSteps()));
  }
  return static_cast<double>(s.oh * s.tilesPerRow(t) * ceilDiv(s.K, t.k)) * busy;
}

PlanarTactic planarFallback(const PlanarShape& s, const DeviceCaps& device) {
  auto best = ofFewestSteps<PlanarTactic>(
      std::min<std::int64_t>(28, s.K),
      [&](const PlanarTactic& t) {
        return pixelsFit(t.k, t.v, device) && fitsLocal(s, t, device) && (s.copies || t.pixels() <= s.ow);
      },
      [&](const PlanarTactic& t) { return steps(s, t, device); });
  // Enough work-items to keep every core busy to the end, and no more.
  const std::int64_t others = ceilDiv(s.K, best.k) * s.window.batch;
  const std::int64_t wanted = planarItemsWanted(others, device);
  const std::int64_t tiles = s.tilesPerRow(best) * s.oh;
  for (PlanarTactic t = best; t.region < 4096; t.region *= 2) {
    if (!fitsLocal(s, t, device) || t.region * wanted > tiles) break;
    best = t;
  }
  return best;
}

// [tile][KH][C / depth][KW][k][depth]
template <class T>
PackedConstant packWeights(const std::string& family, const Window& w, int k, std::int64_t depth) {
  return {family + " k" + std::to_string(k), [w, k, depth](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<T>();
            const std::int64_t KH = w.kernel[1], KW = w.kernel[2], groups = ceilDiv(w.channels, depth);
            HostTensor packed(dataTypeOf<T>(), {ceilDiv(w.outChannels, k), KH, groups, KW, k, depth});
            const auto to = packed.as<T>();
            std::size_t at = 0;
            forEachWeight(w, false, [&](std::int64_t o, std::int64_t c, std::int64_t ky, std::int64_t kx) {
              to[((((o / k * KH + ky) * groups + c / depth) * KW + kx) * k + o % k) * depth + c % depth] =
                  from[at++];
            });
            return packed;
          }};
}

// [tile][KH][k]: `excess`, by which each pixel's code is too large, times the sum of the row's weights,
// negated.
PackedConstant rowCorrections(const Window& w, int k, std::int32_t excess) {
  return {"q_conv_planar corrections k" + std::to_string(k),
          [w, k, excess](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<std::int8_t>();
            const std::int64_t KH = w.kernel[1];
            HostTensor packed(DataType::Int32, {ceilDiv(w.outChannels, k), KH, k});
            const auto to = packed.as<std::int32_t>();
            std::size_t at = 0;
            forEachWeight(w, false, [&](std::int64_t o, std::int64_t, std::int64_t ky, std::int64_t) {
              to[(o / k * KH + ky) * k + o % k] -= excess * from[at++];
            });
            return packed;
          }};
}

class ConvPlanar final : public KernelFamily, public ComparesTactics {
 public:
  ConvPlanar(std::string_view name, bool codes) : name_(name), codes_(codes) {}
  FamilyId id() const override { return {name_, 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const Verdict verdict = planarApplies(op, device, codes_); !verdict) return verdict;
    const Window w = windowOf(op);
    if (w.rank > 2) return Verdict::no("it has a third spatial extent");
    if (w.group > 1) return Verdict::no("it has groups");
    if (w.stride[2] > 2) return Verdict::no("it takes strides of 1 and 2 in x");
    if (w.kernel[2] > kMaxTaps) return Verdict::no("more than 11 taps of a row to unroll");
    if (!fitsLocal(PlanarShape(op), {}, device))
      return Verdict::no(
          "the rows under one tile, or a channel's weights, do not fit the second-level cache");
    return Verdict::yes();
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    const PlanarShape s(p);
    TacticSpace space;
    std::vector<int> regions;
    for (int region = 1; region <= 4096; region *= 2) {
      regions.push_back(region);
      if (region * 16 >= s.oh * s.ow) break;
    }
    space.parameters = {{"K", pixelChannels(s.K)}, {"V", {1, 2, 3, 4}}, {"REGION", regions}};
    require<PlanarTactic>(space, "accumulators and pixels do not fit the vector registers",
                          [device](const PlanarTactic& t) { return pixelsFit(t.k, t.v, device); });
    require<PlanarTactic>(space, "a tile is wider than a row of the output",
                          [s](const PlanarTactic& t) { return t.v == 1 || t.pixels() - 16 < s.ow; });
    require<PlanarTactic>(space, "a tile is wider than a row that is read in place",
                          [s](const PlanarTactic& t) { return s.copies || t.pixels() <= s.ow; });
    require<PlanarTactic>(space, "copied rows or widened weights do not fit the second-level cache",
                          [s, device](const PlanarTactic& t) { return fitsLocal(s, t, device); });
    return space;
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(planarFallback(PlanarShape(p), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<PlanarTactic>(tactic);
    const PlanarShape s(p);
    const Window& w = s.window;
    Launch launch;
    launch.packed = weights(p, s, t.k);
    KernelCall call{.source = "conv_planar/conv_planar.cl", .entry = "conv_planar"};
    call.defines = {{"T_K", std::to_string(t.k)},          {"T_V", std::to_string(t.v)},
                    {"P_KW", std::to_string(w.kernel[2])}, {"P_SX", std::to_string(w.stride[2])},
                    {"P_COPY", s.copies ? "1" : "0"},      {"D_PREFETCH", device.pocl ? "1" : "0"}};
    addPlanarDefines(call.defines, p, device);
    setItems(call, {ceilDiv(s.oh, s.rows(t)) * ceilDiv(s.ow, s.columns(t)), ceilDiv(s.K, t.k), w.batch});
    call.args = {KernelArg::input(0), KernelArg::packed(0)};
    addPlanarArgs(call.args, p);
    call.args.push_back(KernelArg::output(0));
    addPlaces(call.args, p);
    addInts(call.args, {s.C, s.h, s.w, s.K, s.oh, s.ow, w.kernel[1], w.stride[1], w.dilation[1],
                        w.dilation[2], w.padBegin[1], w.padBegin[2], s.shift(), s.rows(t), s.columns(t)});
    if (codes_) addInts(call.args, {p.attrs.integer("x_zero")});
    if (s.copies) {
      call.args.push_back(KernelArg::ofInt(s.span(t)));
      call.args.push_back(KernelArg::local(static_cast<std::size_t>(s.patchBytes(t))));
    }
    if (s.half) call.args.push_back(KernelArg::local(static_cast<std::size_t>(s.widenedBytes(t))));
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    const PlanarShape s(p);
    Cost cost = KernelFamily::cost(p, device);
    cost.operations =
        2.0 * static_cast<double>(p.outputs[0].size() * s.C) * static_cast<double>(s.window.kernelVolume());
    cost.efficiency =
        planarEfficiency(s.oh * s.ow * s.K, s.C, codes_, steps(s, planarFallback(s, device), device));
    return cost;
  }

  std::int64_t packedChannels(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const int k = fromTactic<PlanarTactic>(tactic).k;
    return ceilDiv(PlanarShape(p).K, k) * k;
  }
  double expected(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const PlanarShape s(p);
    const auto t = fromTactic<PlanarTactic>(tactic);
    const std::int64_t items =
        ceilDiv(s.oh, s.rows(t)) * ceilDiv(s.ow, s.columns(t)) * ceilDiv(s.K, t.k) * s.window.batch;
    return withIdleCores(steps(s, t, device), items, device);
  }

  std::vector<OpInstance> samples() const override {
    return codes_ ? quantisedTwins("QConvolution", floatSamples()) : floatSamples();
  }

 private:
  std::vector<PackedConstant> weights(const Problem& p, const PlanarShape& s, int k) const {
    if (!codes_)
      return {inStorage(p.inputs[1].type, packWeights<float>("conv_planar", s.window, k, s.depth()))};
    return {packWeights<std::int8_t>("q_conv_planar", s.window, k, s.depth()),
            rowCorrections(s.window, k, planarExcess(p))};
  }

  static std::vector<OpInstance> floatSamples() {
    using List = std::vector<std::int64_t>;
    return {
        // Rows with a tail, borders on both sides, channels that are not whole blocks.
        convolutionSample({2, 7, 6, 43}, {25, 7, 3, 3},
                          {{"pads", List{1, 1, 1, 1}}, {"activation", "Sigmoid"}}),
        convolutionSample({1, 5, 5, 34}, {37, 5, 3, 3}, {{"pads", List{1, 1, 1, 1}}}, true, true),
        // Stride 2, odd and even extents.
        convolutionSample({2, 3, 11, 37}, {16, 3, 3, 3},
                          {{"pads", List{1, 1, 1, 1}}, {"strides", List{2, 2}}}),
        convolutionSample({1, 4, 9, 70}, {12, 4, 7, 7}, {{"pads", List{3, 3, 3, 3}}, {"strides", List{2, 2}}},
                          false, true),
        convolutionSample({1, 6, 5, 33}, {13, 6, 3, 3}, {{"strides", List{3, 2}}}),
        // Dilation: taps that miss the image for every pixel, rows of taps outside.
        convolutionSample({1, 12, 5, 30}, {12, 12, 3, 3},
                          {{"pads", List{16, 16, 16, 16}}, {"dilations", List{16, 16}}}),
        convolutionSample({1, 5, 9, 60}, {25, 5, 3, 3},
                          {{"pads", List{4, 8, 4, 8}}, {"dilations", List{4, 8}}}),
        // One row; rows shorter than a vector; no padding: read in place, the last tile moved.
        convolutionSample({2, 9, 1, 41}, {10, 9, 1, 5}, {{"pads", List{0, 2, 0, 2}}}),
        convolutionSample({1, 8, 6, 5}, {20, 8, 3, 3}, {{"pads", List{1, 1, 1, 1}}}),
        convolutionSample({2, 5, 7, 52}, {18, 5, 3, 3}, {}, true, true),
        // Matrix products over flattened pixels.
        convolutionSample({2, 33, 9, 13}, {30, 33, 1, 1}, {{"activation", "Relu"}}, true, true),
        convolutionSample({1, 13, 1, 1}, {19, 13, 1, 1}, {}),
        convolutionSample({1, 18, 33}, {40, 18, 4}, {{"pads", List{3, 0}}}),
    };
  }

  std::string_view name_;
  bool codes_;
};

}  // namespace

void addFamilies_conv_planar(FamilyList& list) {
  list.add<ConvPlanar>({"Convolution"}, "conv_planar", false);
  list.add<ConvPlanar>({"QConvolution"}, "q_conv_planar", true);
}

}  // namespace tessera
