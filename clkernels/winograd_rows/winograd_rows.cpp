// winograd_rows: convolutions of planar tensors on CPUs, Winograd along y, lanes along the pixels.
#include <algorithm>
#include <limits>

#include "clkernels/common/constraint.hpp"
#include "clkernels/common/finish.hpp"
#include "clkernels/common/image.hpp"
#include "clkernels/common/registers.hpp"
#include "clkernels/conv_winograd/winograd.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kMaxTaps = 11;  // of a row, which are unrolled
const std::vector<int> kSizes{2, 4};

/// Output rows of a tile; output channels and vectors of 16 pixels in registers.
struct RowsTactic {
  int m = 2, k = 1, v = 1;
  static constexpr auto fields() {
    using T = RowsTactic;
    return std::tuple{Field<T>{"M", &T::m}, Field<T>{"K", &T::k}, Field<T>{"V", &T::v}};
  }
  std::int64_t side() const { return m + 2; }
};

// Columns of a transformed row: the image and its padding, as far as the taps of the last output reach.
std::int64_t spanOf(const Window& w) { return std::max(w.padBegin[2] + w.in[2], w.out[2] + w.span(2) - 1); }

std::size_t localBytes(const Window& w, int m) {
  return static_cast<std::size_t>((m + 2) * w.channels * spanOf(w) * 4);
}

std::int64_t tiles(const Window& w, int m) {
  const WinogradTiles t(w, m);
  return t.phasesY * t.tilesY;
}

// Register steps of the whole convolution; loads cost a part of a step.
double steps(const Window& w, const RowsTactic& t, const DeviceCaps& device) {
  const double busy =
      VectorRegisters(device).step(t.k * t.v, t.v) + 0.7 * t.v + (t.v > 1 ? 0.1 * t.k : 0.0) + 0.5;
  const double side = static_cast<double>(t.side()), C = static_cast<double>(w.channels);
  const double columns = static_cast<double>(ceilDiv(w.out[2], 16 * t.v)),
               channelTiles = static_cast<double>(ceilDiv(w.outChannels, t.k));
  const double sums = side * C * static_cast<double>(w.kernel[2]) * busy + 2 * side * t.k * t.v;
  const double back = t.k * t.v * (2 * side + 3.0 * t.m);
  const double rows = C * static_cast<double>(ceilDiv(w.in[2], 16)) * 4 * side;
  return static_cast<double>(tiles(w, t.m)) * (rows + channelTiles * columns * (sums + back));
}

TacticSpace rowsSpace(const Window& w, const DeviceCaps& device) {
  TacticSpace space;
  space.parameters = {{"M", kSizes}, {"K", pixelChannels(w.outChannels)}, {"V", {1, 2, 3, 4}}};
  require<RowsTactic>(space, "accumulators and pixels do not fit the vector registers",
                      [device](const RowsTactic& t) { return pixelsFit(t.k, t.v, device); });
  require<RowsTactic>(space, "a tile is wider than a row of the output",
                      [w](const RowsTactic& t) { return 16 * t.v <= w.out[2]; });
  require<RowsTactic>(
      space, "the transformed rows do not fit local memory",
      [w, bytes = device.localMemory](const RowsTactic& t) { return localBytes(w, t.m) <= bytes; });
  return space;
}

RowsTactic rowsFallback(const Window& w, const DeviceCaps& device) {
  const TacticSpace space = rowsSpace(w, device);
  RowsTactic best;
  double least = std::numeric_limits<double>::max();
  for (const int m : kSizes)
    for (const int v : {1, 2, 3, 4})
      for (const int k : space.parameters[1].values) {
        const RowsTactic t{m, k, v};
        if (const double needed = steps(w, t, device); needed < least && space.contains(toTactic(t)))
          best = t, least = needed;
      }
  return best;
}

// [tile of k channels][element][C][KW][k]
PackedConstant packWeights(const Window& w, int m, int k) {
  return {"winograd_rows m" + std::to_string(m) + " k" + std::to_string(k),
          [w, m, k](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<float>();
            const auto g = winogradWeightMatrix(m);
            const std::int64_t side = m + 2, C = w.channels, KW = w.kernel[2];
            HostTensor packed(DataType::Float32, {ceilDiv(w.outChannels, k), side, C, KW, k});
            const auto to = packed.as<float>();
            for (std::int64_t o = 0; o < w.outChannels; ++o)
              for (std::int64_t c = 0; c < C; ++c)
                for (std::int64_t kx = 0; kx < KW; ++kx) {
                  const float* taps = &from[(o * C + c) * 3 * KW + kx];
                  for (std::int64_t e = 0; e < side; ++e)
                    to[(((o / k * side + e) * C + c) * KW + kx) * k + o % k] =
                        static_cast<float>(g[e][0] * taps[0] + g[e][1] * taps[KW] + g[e][2] * taps[2 * KW]);
                }
            return packed;
          }};
}

class WinogradRows final : public KernelFamily {
 public:
  FamilyId id() const override { return {"winograd_rows", 1}; }
  bool onlyMeasured(const OpView& op) const override { return !winogradGains(windowOf(op)); }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const Verdict verdict = winogradApplies(op, device); !verdict) return verdict;
    if (const Verdict planar = allPlanar(op); !planar) return planar;
    const Window w = windowOf(op);
    if (w.kernel[2] > kMaxTaps) return Verdict::no("more than 11 taps of a row to unroll");
    if (w.in[2] < 16 || w.out[2] < 16) return Verdict::no("rows are shorter than a vector");
    if (localBytes(w, kSizes.front()) > device.localMemory)
      return Verdict::no("the transformed rows do not fit local memory");
    return Verdict::yes();
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return rowsSpace(windowOf(p), device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(rowsFallback(windowOf(p), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const auto t = fromTactic<RowsTactic>(tactic);
    const Window w = windowOf(p);
    Launch launch;
    launch.packed = {packWeights(w, t.m, t.k)};
    KernelCall call{"winograd_rows/winograd_rows.cl", "winograd_rows"};
    call.defines = {{"T_M", std::to_string(t.m)},
                    {"T_K", std::to_string(t.k)},
                    {"T_V", std::to_string(t.v)},
                    {"P_KW", std::to_string(w.kernel[2])}};
    addEpilogueDefines(call.defines, p);
    setItems(call, {tiles(w, t.m), w.batch, 1});
    call.args = {KernelArg::input(0), KernelArg::packed(0)};
    addEpilogueArgs(call.args, p);
    call.args.push_back(KernelArg::output(0));
    addPlaces(call.args, p);
    addInts(call.args,
            {w.channels, w.in[1], w.in[2], w.outChannels, w.out[1], w.out[2], w.dilation[1], w.dilation[2],
             w.padBegin[1], w.padBegin[2], WinogradTiles(w, t.m).tilesY, spanOf(w)});
    call.args.push_back(KernelArg::local(localBytes(w, t.m)));
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    return winogradCost(KernelFamily::cost(p, device), p, 0.7, steps(w, rowsFallback(w, device), device));
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    return {
        // Rows and channels with a tail, borders on every side, batches.
        winogradSample({2, 7, 9, 43}, {25, 7, 3, 3}, {{"pads", List{1, 1, 1, 1}}, {"activation", "Sigmoid"}},
                       true),
        // Phases of unequal size; a dilation beyond the image; one that differs between the extents.
        winogradSample({1, 5, 13, 34}, {12, 5, 3, 3}, {{"pads", List{4, 4, 4, 4}}, {"dilations", List{4, 4}}},
                       true),
        winogradSample({1, 6, 7, 19}, {12, 6, 3, 3},
                       {{"pads", List{16, 16, 16, 16}}, {"dilations", List{16, 16}}}),
        winogradSample({1, 9, 11, 30}, {17, 9, 3, 3},
                       {{"pads", List{0, 3, 1, 2}}, {"dilations", List{1, 3}}}),
        // Windows that are not square; no pads; the last vectors moved; a single tile.
        winogradSample({1, 4, 8, 40}, {30, 4, 3, 5}, {{"activation", "Relu"}}),
        winogradSample({1, 8, 6, 64}, {20, 8, 3, 1}, {{"pads", List{2, 0, 0, 0}}}),
        winogradSample({1, 3, 3, 18}, {5, 3, 3, 3}, {}),
    };
  }
};

}  // namespace

void addFamilies_winograd_rows(FamilyList& list) { list.add<WinogradRows>({"Convolution"}); }

}  // namespace tessera
