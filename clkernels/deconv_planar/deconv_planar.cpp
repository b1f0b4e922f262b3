// deconv_planar, q_deconv_planar: deconvolution of planar tensors for CPUs where each output pixel has one
// tap.
#include <algorithm>

#include "clkernels/common/compares_tactics.hpp"
#include "clkernels/common/constraint.hpp"
#include "clkernels/common/image.hpp"
#include "clkernels/common/registers.hpp"
#include "clkernels/common/storage.hpp"
#include "clkernels/conv_planar/planar.hpp"

namespace tessera {
namespace {

constexpr int kColumnTaps = 2;

/// Output channels and vectors of 16 input pixels in registers; input rows of a work-item.
struct DeconvTactic {
  int k = 1, v = 1, rows = 1;
  static constexpr auto fields() {
    using T = DeconvTactic;
    return std::tuple{Field<T>{"K", &T::k}, Field<T>{"V", &T::v}, Field<T>{"ROWS", &T::rows}};
  }
};

struct DeconvShape {
  Window window;
  bool half, codes;
  std::int64_t C, K, h, w, taps;  // taps: of a column

  explicit DeconvShape(const OpView& op)
      : window(windowOf(op)), half(op.inputs[0].type == DataType::Float16), codes(inCodes(op)) {
    C = window.channels, K = window.outChannels;
    h = window.in[1], w = window.in[2], taps = window.kernel[1];
  }
  std::int64_t channelSteps() const { return ceilDiv(C, planarDepth(codes)); }
  std::int64_t patchBytes() const { return codes ? channelSteps() * w * 4 : 0; }
  // Weights in half are widened into local memory.
  std::int64_t widenedBytes(const DeconvTactic& t) const {
    return half ? C * taps * kColumnTaps * t.k * 4 : 0;
  }
};

bool fits(const DeconvShape& s, const DeconvTactic& t, const DeviceCaps& device) {
  const bool widens = s.widenedBytes(t) <= static_cast<std::int64_t>(device.localMemory);
  return widens && pixelsFit(kColumnTaps * t.k, t.v, device) && 16 * t.v <= s.w;
}

// Register steps per step of input channels for the whole output, as conv_planar has them.
double steps(const DeconvShape& s, const DeconvTactic& t, const DeviceCaps& device) {
  const double sums = kColumnTaps * t.k * t.v;
  double busy = VectorRegisters(device).step(sums, t.v) + 0.7 * t.v + (t.v > 1 ? 0.2 * t.k : 0.0) + 0.5;
  if (s.codes) busy += 14.0 * t.v / static_cast<double>(s.taps);
  busy += (s.codes ? 14.0 : 5.0) * sums / static_cast<double>(s.channelSteps());
  return static_cast<double>(s.h * s.taps * ceilDiv(s.w, 16 * t.v) * ceilDiv(s.K, t.k)) * busy;
}

DeconvTactic deconvFallback(const DeconvShape& s, const DeviceCaps& device) {
  auto best = ofFewestSteps<DeconvTactic>(
      std::min<std::int64_t>(14, s.K), [&](const DeconvTactic& t) { return fits(s, t, device); },
      [&](const DeconvTactic& t) { return steps(s, t, device); });
  // Enough work-items to keep every core busy to the end, and no more.
  const std::int64_t others = ceilDiv(s.K, best.k) * s.window.batch;
  const std::int64_t wanted = planarItemsWanted(others, device);
  while (best.rows < 64 && std::int64_t{best.rows} * 2 * wanted <= s.h) best.rows *= 2;
  return best;
}

// [tile][KH][C / depth][k][2][depth] of weights [C][K][KH][2].
template <class T>
PackedConstant packWeights(const Window& w, int k, std::int64_t depth) {
  return {"deconv_planar k" + std::to_string(k) + " by " + std::to_string(depth),
          [w, k, depth](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<T>();
            const std::int64_t K = w.outChannels, KH = w.kernel[1], groups = ceilDiv(w.channels, depth);
            HostTensor packed(dataTypeOf<T>(), {ceilDiv(K, k), KH, groups, k, kColumnTaps, depth});
            const auto to = packed.as<T>();
            std::size_t at = 0;
            forEachWeight(w, true, [&](std::int64_t o, std::int64_t c, std::int64_t ky, std::int64_t kx) {
              to[((((o / k * KH + ky) * groups + c / depth) * k + o % k) * kColumnTaps + kx) * depth +
                 c % depth] = from[at++];
            });
            return packed;
          }};
}

// [tile][KH][k][2]: `excess` times the sum of a tap's weights, negated.
PackedConstant tapCorrections(const Window& w, int k, std::int32_t excess) {
  return {"q_deconv_planar corrections k" + std::to_string(k),
          [w, k, excess](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<std::int8_t>();
            const std::int64_t K = w.outChannels, KH = w.kernel[1];
            HostTensor packed(DataType::Int32, {ceilDiv(K, k), KH, k, kColumnTaps});
            const auto to = packed.as<std::int32_t>();
            std::size_t at = 0;
            forEachWeight(w, true, [&](std::int64_t o, std::int64_t, std::int64_t ky, std::int64_t kx) {
              to[((o / k * KH + ky) * k + o % k) * kColumnTaps + kx] -= excess * from[at++];
            });
            return packed;
          }};
}

class DeconvPlanar final : public KernelFamily, public ComparesTactics {
 public:
  DeconvPlanar(std::string_view name, bool codes) : name_(name), codes_(codes) {}
  FamilyId id() const override { return {name_, 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const Verdict verdict = planarApplies(op, device, codes_); !verdict) return verdict;
    if (op.has(kResidualInput)) return Verdict::no("it adds no residual");
    const DeconvShape s(op);
    const Window& w = s.window;
    if (w.rank != 2) return Verdict::no("it wants two spatial extents");
    if (w.group > 1) return Verdict::no("it has groups");
    if (w.kernel[2] != kColumnTaps || w.stride[2] != kColumnTaps || w.kernel[1] != w.stride[1])
      return Verdict::no("it takes kernels as large as their strides, 2 in x");
    if (w.out[1] != w.in[1] * w.kernel[1] || w.out[2] != w.in[2] * kColumnTaps || w.padBegin[1] != 0 ||
        w.padBegin[2] != 0 || w.dilation != Extents{1, 1, 1})
      return Verdict::no("output pixels are cut off or added, or taps are dilated");
    if (s.w < 16) return Verdict::no("a row is shorter than a vector");
    if (s.patchBytes() > std::min(kPlanarPatchBytes, static_cast<std::int64_t>(device.localMemory) / 2))
      return Verdict::no("a row does not fit the second-level cache");
    if (!fits(s, {1, 1, 1}, device)) return Verdict::no("widened weights do not fit local memory");
    return Verdict::yes();
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    const DeconvShape s(p);
    TacticSpace space;
    std::vector<int> channels, rows;
    for (const int k : pixelChannels(s.K))
      if (k <= 14) channels.push_back(k);
    for (int r = 1; r <= 64; r *= 2) {
      rows.push_back(r);
      if (r >= s.h) break;
    }
    const DeconvTactic untuned = deconvFallback(s, device);
    if (std::ranges::find(channels, untuned.k) == channels.end()) channels.push_back(untuned.k);
    std::ranges::sort(channels);
    space.parameters = {{"K", channels}, {"V", {1, 2, 3, 4}}, {"ROWS", rows}};
    require<DeconvTactic>(space, "accumulators and pixels fit the vector registers, and a tile a row",
                          [s, device](const DeconvTactic& t) { return fits(s, t, device); });
    return space;
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(deconvFallback(DeconvShape(p), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<DeconvTactic>(tactic);
    const DeconvShape s(p);
    Launch launch;
    if (codes_)
      launch.packed = {packWeights<std::int8_t>(s.window, t.k, planarDepth(true)),
                       tapCorrections(s.window, t.k, planarExcess(p))};
    else
      launch.packed = {inStorage(p.inputs[1].type, packWeights<float>(s.window, t.k, planarDepth(false)))};
    KernelCall call{.source = "deconv_planar/deconv_planar.cl", .entry = "deconv_planar"};
    call.defines = {
        {"T_K", std::to_string(t.k)}, {"T_V", std::to_string(t.v)}, {"D_PREFETCH", device.pocl ? "1" : "0"}};
    const bool wholeVectors = s.w % 16 == 0;
    addPlanarDefines(call.defines, p, device, wholeVectors && streamsOutput(p.outputs[0], device));
    setItems(call, {ceilDiv(s.h, t.rows), ceilDiv(s.K, t.k), s.window.batch});
    call.args = {KernelArg::input(0), KernelArg::packed(0)};
    addPlanarArgs(call.args, p);
    call.args.push_back(KernelArg::output(0));
    addLayoutArgs(call.args, p.inputs[0]);
    addLayoutArgs(call.args, p.outputs[0]);
    addInts(call.args, {s.C, s.h, s.w, s.K, s.taps, t.rows});
    if (codes_) call.args.push_back(KernelArg::local(static_cast<std::size_t>(s.patchBytes())));
    if (s.half) call.args.push_back(KernelArg::local(static_cast<std::size_t>(s.widenedBytes(t))));
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    const DeconvShape s(p);
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2.0 * static_cast<double>(p.inputs[0].size() * s.K * s.window.kernelVolume());
    cost.efficiency = planarEfficiency(s.h * s.w * s.K * s.window.kernelVolume(), s.C, codes_,
                                       steps(s, deconvFallback(s, device), device));
    return cost;
  }

  double expected(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const DeconvShape s(p);
    const auto t = fromTactic<DeconvTactic>(tactic);
    return withIdleCores(steps(s, t, device), ceilDiv(s.h, t.rows) * ceilDiv(s.K, t.k) * s.window.batch,
                         device);
  }
  std::int64_t packedChannels(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const int k = fromTactic<DeconvTactic>(tactic).k;
    return ceilDiv(DeconvShape(p).K, k) * k;
  }

  std::vector<OpInstance> samples() const override {
    return codes_ ? quantisedTwins("QDeconvolution", floatSamples()) : floatSamples();
  }

 private:
  static std::vector<OpInstance> floatSamples() {
    using List = std::vector<std::int64_t>;
    const auto deconv = [](Shape x, Shape weights, List strides, Attributes more = {}) {
      more.set("strides", std::move(strides));
      std::vector<TensorDesc> inputs{f32(std::move(x)), f32(weights), f32({weights[1]})};
      return makeSample("Deconvolution", std::move(more), inputs, {}, {false, true, true});
    };
    return {
        // Channels that are not whole steps nor tiles, rows with a tail, several items.
        deconv({2, 19, 5, 41}, {19, 21, 2, 2}, {2, 2}, {{"activation", "Relu"}}),
        deconv({1, 20, 4, 64}, {20, 20, 2, 2}, {2, 2}),
        // Other strides in y; one row of one vector.
        deconv({1, 6, 3, 35}, {6, 5, 3, 2}, {3, 2}, {{"activation", "Sigmoid"}}),
        deconv({1, 3, 1, 16}, {3, 2, 1, 2}, {1, 2}),
        // An output that bypasses the caches.
        deconv({1, 2, 512, 1024}, {2, 5, 2, 2}, {2, 2}),
    };
  }

  std::string_view name_;
  bool codes_;
};

}  // namespace

void addFamilies_deconv_planar(FamilyList& list) {
  list.add<DeconvPlanar>({"Deconvolution"}, "deconv_planar", false);
  list.add<DeconvPlanar>({"QDeconvolution"}, "q_deconv_planar", true);
}

}  // namespace tessera
