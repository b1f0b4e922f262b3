// q_conv_mma: INT8 convolutions on NVIDIA's tensor cores, through inline PTX.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "clkernels/common/constraint.hpp"
#include "clkernels/common/gpu_model.hpp"
#include "clkernels/q_conv_gemm/quant_gemm.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

// Of a work-group, and of a warp: GemmTactic's WM and WN are a warp's here.
constexpr std::array kTiles{GemmTile{128, 128, 64, 64}, GemmTile{128, 128, 64, 32}, GemmTile{64, 128, 32, 64},
                            GemmTile{128, 64, 64, 32},  GemmTile{64, 64, 32, 32},   GemmTile{32, 128, 32, 32},
                            GemmTile{32, 64, 32, 16},   GemmTile{32, 32, 16, 16},   GemmTile{16, 64, 16, 16}};
constexpr int kPad = 8;  // words between the rows of local tiles, see mma_tile.cl

int itemsOf(const GemmTactic& t) { return t.m / t.wm * (t.n / t.wn) * 32; }
int localBytes(const GemmTactic& t) { return std::max(t.async, 2) * t.k * (t.m + t.n + 2 * kPad) * 4; }

// What conv_gemm's tiles may be, with an item's tile replaced by a warp's.
TacticSpace mmaSpace(const GemmProblem& words, const DeviceCaps& device) {
  const GemmShape& shape = words.shape;
  TacticSpace space = gemmSpace(shape, words.freedom, device);
  space.constraints.clear();
  for (auto& parameter : space.parameters) {
    if (parameter.name == "K") parameter.values = {8, 16, 24, 32};
    if (parameter.name == "WM" || parameter.name == "WN") parameter.values = {16, 32, 64};
  }
  require<GemmTactic>(space, "a warp's tile fits the work-group's",
                      [](const GemmTactic& t) { return t.wm <= t.m && t.wn <= t.n; });
  require<GemmTactic>(space, "a work-group has at most 512 items",
                      [](const GemmTactic& t) { return itemsOf(t) <= 512; });
  require<GemmTactic>(space, "a warp's sums fit 128 registers of an item",
                      [](const GemmTactic& t) { return t.wm * t.wn <= 128 * 32; });
  const auto local = static_cast<int>(device.localMemory);
  require<GemmTactic>(
      space, "both tiles, each twice or ASYNC times, fit local memory (" + std::to_string(local) + " bytes)",
      [local](const GemmTactic& t) { return localBytes(t) <= local; });
  require<GemmTactic>(space, "items share the columns of x evenly", [](const GemmTactic& t) {
    return t.n / t.vx % itemsOf(t) == 0 || itemsOf(t) >= t.n / t.vx;
  });
  require<GemmTactic>(space, "vectors of pixels are not for the flat order",
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
  const double reads = 1.0 * t.k / 8 * itemsOf(t) / 32 * (t.wm + t.wn) / 4 / 2;
  const double groups = static_cast<double>(t.groups(shape)) * t.split;
  const double perUnit = std::ceil(groups / device.computeUnits);
  const double resident =
      std::max(1.0, std::min({std::floor(1024.0 / itemsOf(t)), std::floor(200e3 / localBytes(t)), perUnit}));
  const double tile = std::max(resident * (std::max(products, reads) + moves), 250.0);
  return perUnit / resident * (tiles * tile + 2500) + (t.split > 1 ? splitCycles(shape, t, device) : 0);
}

GemmTactic best(const GemmProblem& words, const DeviceCaps& device) {
  const TacticSpace space = mmaSpace(words, device);
  std::vector<int> splits{1};
  for (const auto& parameter : space.parameters)
    if (parameter.name == "SPLIT") splits = parameter.values;
  GemmTactic chosen;
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
            if (modelled < least && space.contains(toTactic(t))) chosen = t, least = modelled;
          }
  return chosen;
}

class QConvMma final : public QuantGemm {
 public:
  QConvMma() : QuantGemm("q_conv_mma", "q_conv_mma", RowOrder::Mma) {}
  // The model of its time is coarse.
  bool onlyMeasured() const override { return true; }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const GemmProblem words = prepare(p, device);
    cost.operations = words.shape.operations() * 4;
    const double seconds = cycles(words.shape, untuned(words, device), device) / gpuModel(device).clock;
    cost.efficiency = cost.operations / (seconds * kGpuOperationsPerUnit * device.computeUnits);
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

 protected:
  std::string whyNot(const OpView& op, const DeviceCaps& device) const override {
    if (device.dot4 != Dot4Body::NvidiaPtx || device.nvidiaComputeCapability < 80)
      return "it needs NVIDIA's tensor cores, from Ampere on";
    return QuantGemm::whyNot(op, device);
  }
  TacticSpace tactics(const GemmProblem& words, const DeviceCaps& device) const override {
    return mmaSpace(words, device);
  }
  GemmTactic untuned(const GemmProblem& words, const DeviceCaps& device) const override {
    return best(words, device);
  }
  int items(const GemmTactic& tactic) const override { return itemsOf(tactic); }
};

}  // namespace

void addFamilies_q_conv_mma(FamilyList& list) {
  static const QConvMma family;
  list.add(family, {"QConvolution"});
}

}  // namespace tessera
