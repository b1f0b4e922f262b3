// Space and untuned choice of tiles for conv_mma.
#include "clkernels/conv_mma/mma_tactic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "clkernels/common/constraint.hpp"
#include "clkernels/common/gpu_model.hpp"

namespace tessera {
namespace {

// Of a work-group, and of a warp.
struct Tile {
  int m, n, wm, wn;
};
// Worth trying untuned, measured on an H200. Four warps of 64 x 64 lead where there is work for two groups on
// every unit; small outputs want small tiles and split sums.
constexpr std::array kTiles{Tile{128, 128, 64, 64}, Tile{128, 128, 64, 32}, Tile{128, 256, 64, 64},
                            Tile{64, 256, 64, 64},  Tile{64, 256, 64, 32},  Tile{64, 128, 64, 32},
                            Tile{64, 128, 32, 64},  Tile{64, 128, 32, 32},  Tile{128, 64, 64, 32},
                            Tile{128, 64, 32, 32},  Tile{64, 64, 32, 32},   Tile{64, 32, 32, 16},
                            Tile{32, 128, 32, 32},  Tile{32, 64, 16, 32},   Tile{32, 32, 16, 16}};
constexpr std::array kSplits{1, 2, 3, 4, 6, 8, 12, 16, 24, 32};
constexpr int kCodesBlock = 16;  // bytes of a block of codes; of halves it has twice as many
constexpr int kMostItems = 512;
constexpr int kSumRegisters = 128;  // of an item

std::vector<int> splits(const MmaProblem& p, const DeviceCaps& device) {
  std::vector<int> values{1};
  const std::int64_t tiles = ceilDiv(p.shape.rows, 64) * p.shape.groups * ceilDiv(p.shape.pixels(), 64);
  for (const int split : kSplits)
    if (split > 1 && device.fences && tiles <= 4096 && p.depth({.k = 64}) >= 2 * split)
      values.push_back(split);
  return values;
}

}  // namespace

TacticSpace mmaSpace(const MmaProblem& p, const DeviceCaps& device) {
  TacticSpace space;
  space.parameters = {{"M", {32, 64, 128, 256}},   {"N", {32, 64, 128, 256}}, {"K", {32, 64, 128}},
                      {"WM", {16, 32, 64}},        {"WN", {16, 32, 64}},      {"STAGES", {2, 3, 4, 6}},
                      {"SPLIT", splits(p, device)}};
  const GemmShape shape = p.shape;
  require<MmaTactic>(space, "a warp's tile fits the work-group's",
                     [](const MmaTactic& t) { return t.wm <= t.m && t.wn <= t.n; });
  const int most = static_cast<int>(std::min<std::size_t>(device.maxWorkGroup, kMostItems));
  require<MmaTactic>(space, "a work-group has at most " + std::to_string(most) + " items",
                     [most](const MmaTactic& t) { return t.items() <= most; });
  require<MmaTactic>(space, "a warp's sums fit 128 registers of an item",
                     [](const MmaTactic& t) { return t.wm * t.wn <= kSumRegisters * 32; });
  const auto local = static_cast<int>(std::min<std::size_t>(device.localMemory, std::size_t{1} << 20));
  require<MmaTactic>(space, "STAGES of both tiles fit local memory (" + std::to_string(local) + " bytes)",
                     [local](const MmaTactic& t) { return t.localBytes() <= local; });
  require<MmaTactic>(space, "a tile's row holds whole blocks of channels, as far as there are any",
                     [p](const MmaTactic& t) {
                       return t.k >= p.blockBytes && (t.k == 32 || t.k < 2 * p.blockBytes * p.shape.channels);
                     });
  require<MmaTactic>(space, "a tile is at most once too large", [shape](const MmaTactic& t) {
    return (t.m == 32 || t.m < 2 * shape.rows) && (t.n == 32 || t.n < 2 * shape.pixels());
  });
  require<MmaTactic>(space, "every part of a split sum has tiles of its own",
                     [p](const MmaTactic& t) { return t.split == 1 || p.depth(t) >= 2 * t.split; });
  const auto bytes = static_cast<std::int64_t>(std::min<std::size_t>(
      device.maxAllocation ? device.maxAllocation : std::size_t{1} << 30, std::numeric_limits<int>::max()));
  require<MmaTactic>(space, "partial sums fit one buffer",
                     [shape, bytes](const MmaTactic& t) { return t.partialBytes(shape) <= bytes; });
  if (device.isCpu())
    require<MmaTactic>(space, "emulated tiles are small",
                       [](const MmaTactic& t) { return t.m <= 64 && t.n <= 64 && t.wm <= 32 && t.wn <= 32; });
  return space;
}

// Fitted to 282 measurements on an H200, of layers of FCN-8s, VGG-16 and ResNet-50, batch 1 and 32: mean
// error 8 %. The tactics it chooses are within 2 % of the best measured on average, 13 % at worst. Per cycle
// and unit, bytes but for the first:
constexpr double kProducts = 1250;  // of pairs of bytes, two for a half
constexpr double kLocal = 131;      // through local memory
constexpr double kShared = 35.5;    // from the second-level cache
constexpr double kRepeated = 0.75;  // share of x that comes from there although taps read it again
constexpr double kAdded = 0.13;     // of the other limits, where one of them binds
constexpr double kGroupCycles = 770, kFenceCycles = 2310, kPartBytes = 23;
// Of a result; measured again since quads are finished without branches, those of a deconvolution's phases
// and the rest as before.
constexpr double kResultCycles = 0.34, kCodeCycles = 0.28, kPhaseCycles = 0.36;
constexpr double kFarLatency = 34, kNearLatency = 94, kWarpShare = 0.57;

double mmaSeconds(const MmaProblem& p, const MmaTactic& t, const DeviceCaps& device) {
  const GpuModel model = gpuModel(device);
  const double warps = t.items() / 32.0, results = 1.0 * t.m * t.n;
  const double result = p.shape.phasesY * p.shape.phasesX > 1 ? kPhaseCycles
                        : p.blockBytes == kCodesBlock         ? kCodeCycles
                                                              : kResultCycles;
  const double products = results * t.k / 2 / kProducts;
  const double local = (warps * (t.wm + t.wn) * t.k + 1.0 * (t.m + t.n) * t.k) / kLocal;
  const double shared = (t.m + t.n * (p.shape.taps() > 1 ? kRepeated : 1.0)) * t.k / kShared;
  const double registers = std::min(255.0, 1.5 * t.wm * t.wn / 32 + 36);
  const double groups = static_cast<double>(t.tiles(p.shape)) * t.split;
  const double perUnit = std::ceil(groups / device.computeUnits);
  const double together = std::min(model.resident(registers, t.items(), t.localBytes()), perUnit);
  const double latency = kFarLatency / (t.stages - 0.5) + kNearLatency + (products + local) * kWarpShare;
  const double tile = std::max({together * products, together * local, together * shared, latency}) +
                      kAdded * together * (products + local + shared);
  const double depth = std::ceil(1.0 * p.depth(t) / t.split);
  double cycles = perUnit / together * (depth * tile + kGroupCycles + result * results);
  if (t.split > 1) cycles += kFenceCycles + 4.0 * t.split * results / kPartBytes;
  return cycles / model.clock;
}

MmaTactic mmaFallback(const MmaProblem& p, const DeviceCaps& device) {
  MmaTactic best;
  if (device.isCpu()) return best;  // the model is of GPUs
  double least = std::numeric_limits<double>::max();
  const TacticSpace space = mmaSpace(p, device);
  const std::vector<int> parts = splits(p, device);
  for (const Tile& tile : kTiles)
    for (const int k : {32, 64, 128}) {
      MmaTactic t{tile.m, tile.n, k, tile.wm, tile.wn, 4, 1};
      while (t.stages > 2 && t.localBytes() > static_cast<int>(device.localMemory)) --t.stages;
      for (const int split : parts) {
        t.split = split;
        const double seconds = mmaSeconds(p, t, device);
        if (seconds < least && space.contains(toTactic(t))) best = t, least = seconds;
      }
    }
  return best;
}

}  // namespace tessera
