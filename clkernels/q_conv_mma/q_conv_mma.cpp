// q_conv_mma: INT8 convolutions on NVIDIA's tensor cores, through inline PTX.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "clkernels/q_conv_gemm/q_gemm_launch.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

// Of a work-group, and of a warp: GemmTactic's WM and WN are a warp's here.
constexpr std::array kTiles{GemmTile{128, 128, 64, 64}, GemmTile{128, 128, 64, 32}, GemmTile{64, 128, 32, 64},
                            GemmTile{128, 64, 64, 32},  GemmTile{64, 64, 32, 32},   GemmTile{32, 128, 32, 32},
                            GemmTile{32, 64, 32, 16},   GemmTile{32, 32, 16, 16},   GemmTile{16, 64, 16, 16}};
constexpr int kPad = 8;  // words between the rows of local tiles, see mma_tile.cl

int items(const GemmTactic& t) { return t.m / t.wm * (t.n / t.wn) * 32; }
int localBytes(const GemmTactic& t) { return std::max(t.async, 2) * t.k * (t.m + t.n + 2 * kPad) * 4; }

// What conv_gemm's tiles may be, with an item's tile replaced by a warp's.
TacticSpace mmaSpace(const QuantGemmWords& words, const DeviceCaps& device) {
  const GemmShape& shape = words.shape;
  TacticSpace space = gemmSpace(shape, words.freedom, device);
  space.constraints.clear();
  for (auto& parameter : space.parameters) {
    if (parameter.name == "K") parameter.values = {8, 16, 24, 32};
    if (parameter.name == "WM" || parameter.name == "WN") parameter.values = {16, 32, 64};
  }
  const auto add = [&](std::string reason, auto holds) {
    space.constraints.push_back(
        {std::move(reason), [holds](const Tactic& t) { return holds(fromTactic<GemmTactic>(t)); }});
  };
  add("a warp's tile fits the work-group's", [](const GemmTactic& t) { return t.wm <= t.m && t.wn <= t.n; });
  add("a work-group has at most 512 items", [](const GemmTactic& t) { return items(t) <= 512; });
  add("a warp's sums fit 128 registers of an item",
      [](const GemmTactic& t) { return t.wm * t.wn <= 128 * 32; });
  const auto local = static_cast<int>(device.localMemory);
  add("both tiles, each twice or ASYNC times, fit local memory (" + std::to_string(local) + " bytes)",
      [local](const GemmTactic& t) { return localBytes(t) <= local; });
  add("items share the columns of x evenly",
      [](const GemmTactic& t) { return t.n / t.vx % items(t) == 0 || items(t) >= t.n / t.vx; });
  add("vectors of pixels are not for the flat order",
      [](const GemmTactic& t) { return t.vx == 1 || t.flat == 0; });
  addSplitConstraints(space, shape, device);
  return space;
}

// Modelled cycles of a unit: products at the tensor cores' rate, what moves the tiles, and barriers; only the
// order matters.
double cycles(const GemmShape& shape, const GemmTactic& t, const DeviceCaps& device) {
  const double tiles = std::ceil(1.0 * shape.tiles(t.k, t.flat != 0) / t.split);
  const double products = 1.0 * t.m * t.n * t.k / 700;  // words a cycle and unit
  const double moves = (2.5 * t.k * t.n / t.vx + t.k * t.m) / 32 * (t.flat ? 2 : 1);
  const double reads = 1.0 * t.k / 8 * items(t) / 32 * (t.wm + t.wn) / 4 / 2;
  const double groups = static_cast<double>(t.groups(shape)) * t.split;
  const double perUnit = std::ceil(groups / device.computeUnits);
  const double resident =
      std::max(1.0, std::min({std::floor(1024.0 / items(t)), std::floor(200e3 / localBytes(t)), perUnit}));
  const double tile = std::max(resident * (std::max(products, reads) + moves), 250.0);
  return perUnit / resident * (tiles * tile + 2500) + (t.split > 1 ? splitCycles(shape, t) : 0);
}

GemmTactic untuned(const QuantGemmWords& words, const DeviceCaps& device) {
  const TacticSpace space = mmaSpace(words, device);
  std::vector<int> splits{1};
  for (const auto& parameter : space.parameters)
    if (parameter.name == "SPLIT") splits = parameter.values;
  GemmTactic best;
  double least = std::numeric_limits<double>::max();
  for (const GemmTile& tile : kTiles)
    for (const int k : {8, 16})
      for (const int flat : {0, 1})
        for (const int async : {0, 2, 3, 4})
          for (const int split : splits) {
            const GemmTactic t{tile.m,  tile.n,  k,
                               tile.wm, tile.wn, words.freedom.vectorLoads && !flat ? 4 : 1,
                               flat,    split,   split > 1 && device.fences,
                               async};
            const double modelled = cycles(words.shape, t, device) * (async < 3 ? 1.2 : 1);
            if (modelled < least && space.contains(toTactic(t))) best = t, least = modelled;
          }
  return best;
}

class QConvMma final : public KernelFamily {
 public:
  FamilyId id() const override { return {"q_conv_mma", 1}; }
  // The model of its time is coarse.
  bool onlyMeasured() const override { return true; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (device.dot4 != Dot4Body::NvidiaPtx || device.nvidiaComputeCapability < 80)
      return Verdict::no("it needs NVIDIA's tensor cores, from Ampere on");
    if (const auto why = whyNoQuantGemm(op); !why.empty()) return Verdict::no(why);
    const QuantGemmWords words(op, device);
    if (!mmaSpace(words, device).contains(toTactic(untuned(words, device))))
      return Verdict::no("no tile fits the device's local memory");
    return Verdict::yes();
  }

  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    return quantGemmBlocks(op);
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return mmaSpace(QuantGemmWords(p, device), device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(untuned(QuantGemmWords(p, device), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<GemmTactic>(tactic);
    return quantGemmLaunch(p, {"q_conv_mma/q_conv_mma.cl", "q_conv_mma", items(t), RowOrder::Mma}, t, device);
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const QuantGemmWords words(p, device);
    cost.operations = words.shape.operations() * 4;
    constexpr double kClock = 1.8e9, kPeakPerUnit = 450e9;  // the latter of runtime/lower/cost_model.cpp
    const double seconds = cycles(words.shape, untuned(words, device), device) / kClock;
    cost.efficiency = cost.operations / (seconds * kPeakPerUnit * device.computeUnits);
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    std::vector<OpInstance> floats;
    const auto add = [&](Attributes attrs, Shape x, Shape weights) {
      floats.push_back(makeSample("Convolution", std::move(attrs), {f32(x), f32(weights), f32({weights[0]})},
                                  {}, {false, true, true}));
    };
    // More channels and pixels than a warp's tile, tails in both; sums long enough to split; vectors of
    // pixels; groups.
    add({{"pads", List{1, 1, 1, 1}}}, {1, 20, 9, 13}, {70, 20, 3, 3});
    add({{"activation", "Relu"}}, {3, 300, 4, 4}, {24, 300, 1, 1});
    add({{"pads", List{2, 2, 2, 2}}, {"group", 2}}, {1, 40, 6, 6}, {24, 20, 5, 5});
    add({{"pads", List{1, 1, 1, 1}}}, {1, 128, 16, 16}, {130, 128, 3, 3});
    return quantisedSamples("QConvolution", floats);
  }
};

}  // namespace

void addFamilies_q_conv_mma(FamilyList& list) {
  static const QConvMma family;
  list.add(family, {"QConvolution"});
}

}  // namespace tessera
