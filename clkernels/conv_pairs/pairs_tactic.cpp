// Space and untuned choice of tiles for conv_pairs.
#include "clkernels/conv_pairs/pairs_tactic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "clkernels/common/constraint.hpp"
#include "clkernels/common/gpu_model.hpp"

namespace tessera {
namespace {

constexpr int kBlockBytes = 64;  // of 16 channels at a pixel, or of a row of weights at a tap: high and low
constexpr std::array kSplits{1, 2, 3, 4, 6, 8, 12, 16};

// Worth trying untuned.
struct Tile {
  int m, teams, subs;
};
constexpr std::array kTiles{Tile{128, 2, 1}, Tile{64, 2, 2}, Tile{64, 2, 1}};
constexpr std::array kWidths{16, 32, 8, 0};

std::vector<int> splits(const GemmShape& s, const DeviceCaps& device) {
  std::vector<int> values{1};
  for (const int split : kSplits)
    if (split > 1 && device.fences && s.channels >= 2 * split) values.push_back(split);
  return values;
}

// Batches of more taps want more registers than there are.
std::vector<int> batches(const GemmShape& s) {
  std::vector<int> values = wgmmaBatches(s);
  std::erase_if(values, [](int batch) { return batch > 3; });
  return values;
}

// The most stages that fit, up to eight.
void fillStages(PairsTactic& t, const GemmShape& s, const DeviceCaps& device) {
  for (t.stages = 8; t.stages > 2 && t.localBytes(s) > wgmmaLocalBytes(device);) --t.stages;
}

}  // namespace

int PairsTactic::localBytes(const GemmShape& s) const {
  const std::int64_t pieces = std::int64_t{stages} * batch * m + patches * wgmmaPatch(s, pixels(), wide);
  const std::int64_t bytes = kBlockBytes * pieces + 8 * (4 + 2 * stages) + 32 + 4 * patches;
  return static_cast<int>(std::min<std::int64_t>(bytes, std::numeric_limits<int>::max()));
}
std::int64_t PairsTactic::tiles(const GemmShape& s) const {
  return ceilDiv(s.rows, m) * s.groups * wgmmaPixelTiles(s, pixels(), wide);
}
std::int64_t PairsTactic::partialBytes(const GemmShape& s) const {
  return split == 1 ? 0 : split * tiles(s) * m * pixels() * 4;
}

TacticSpace pairsSpace(const GemmShape& shape, const DeviceCaps& device) {
  TacticSpace space;
  space.parameters = {{"M", {64, 128}},          {"TEAMS", {1, 2}},
                      {"SUBS", {1, 2}},          {"WIDE", {0, 8, 16, 32}},
                      {"BATCH", batches(shape)}, {"STAGES", {2, 3, 4, 5, 6, 7, 8}},
                      {"PATCHES", {1, 2}},       {"SPLIT", splits(shape, device)}};
  require<PairsTactic>(space, "a rectangle has whole sub-tiles of 8 x 8 pixels",
                       [](const PairsTactic& t) { return t.wide == 0 || t.pixels() / t.wide % 8 == 0; });
  if (shape.taps() > 1 && (shape.strideX > 1 || shape.strideY > 1))
    require<PairsTactic>(space, "a run of positions moves by one pixel",
                         [](const PairsTactic& t) { return t.wide > 0; });
  require<PairsTactic>(space, "an item has registers for 64 sums, twice",
                       [](const PairsTactic& t) { return t.m * t.subs <= 128; });
  const int most = static_cast<int>(device.maxWorkGroup);
  require<PairsTactic>(space, "a work-group has at most " + std::to_string(most) + " items",
                       [most](const PairsTactic& t) { return t.items() <= most; });
  const int local = wgmmaLocalBytes(device);
  require<PairsTactic>(space, "patches and weights fit local memory (" + std::to_string(local) + " bytes)",
                       [shape, local](const PairsTactic& t) { return t.localBytes(shape) <= local; });
  require<PairsTactic>(space, "a tile is at most once too large", [shape](const PairsTactic& t) {
    return (t.m == 64 || t.m < 2 * shape.rows) && (t.pixels() == 64 || t.pixels() < 2 * shape.pixels());
  });
  const auto bytes = static_cast<std::int64_t>(std::min<std::size_t>(
      device.maxAllocation ? device.maxAllocation : std::size_t{1} << 30, std::numeric_limits<int>::max()));
  require<PairsTactic>(space, "partial sums fit one buffer",
                       [shape, bytes](const PairsTactic& t) { return t.partialBytes(shape) <= bytes; });
  if (device.isCpu())
    require<PairsTactic>(space, "emulated tiles are small",
                         [](const PairsTactic& t) { return t.m == 64 && t.pixels() <= 128; });
  return space;
}

// Fitted to 31 measurements on an H200, of layers of FCN-8s and of ResNet-50 at batch 1 and 32: mean error 5
// %. Cycles of a unit:
constexpr double kProducts = 1980, kNarrow = 1.42;  // products a cycle; longer by so much for 64 channels
constexpr double kBatchCycles = 45;                 // between batches, of all multiplying warps
constexpr double kCopyCycles = 710,
                 kCopyBytes = 28;   // of a batch's weights from the second-level cache, as wgmma_tactic.cpp
constexpr double kAddCycles = 430;  // until a team's sums are added in f32
constexpr double kPatchCycles = 190, kPieceCycles = 4.4;  // of copiers: a patch, and each eight numbers of it
constexpr double kAloneCycles = 290;                      // until a patch is replaced where there is one
constexpr double kResultCycles = 0.49, kPartBytes = 23;   // of a result; of parts of sums, a cycle

double pairsSeconds(const GemmShape& s, const PairsTactic& t, const DeviceCaps& device) {
  const GpuModel model = gpuModel(device);
  const double results = 1.0 * t.m * t.pixels();
  const double products = 3 * results * 16 / kProducts * (t.m == 64 ? kNarrow : 1.0);  // of a tap
  const double perUnit = std::ceil(static_cast<double>(t.tiles(s)) * t.split / device.computeUnits);
  const double arrival =
      (kCopyCycles + 1.0 * t.batch * t.m * kBlockBytes / kCopyBytes) / (t.stages - 1) / t.batch;
  const double tap = std::max(products + kBatchCycles / t.batch, arrival);
  const int rows = s.taps() <= 9 ? 1 : s.tapsY;  // times that sums are added
  const double multiplied = s.taps() * tap + rows * kAddCycles / t.teams;
  const double copied =
      kPatchCycles + kPieceCycles * 2 * static_cast<double>(wgmmaPatch(s, t.pixels(), t.wide));
  const double block =
      t.patches > 1 ? std::max(multiplied, copied) : std::max(multiplied + kAloneCycles, copied);
  double cycles = perUnit * (std::ceil(1.0 * s.channels / t.split) * block + kResultCycles * results);
  if (t.split > 1) cycles += 4.0 * t.split * results / kPartBytes;
  return cycles / model.clock;
}

PairsTactic pairsFallback(const GemmShape& s, const DeviceCaps& device) {
  PairsTactic best;
  if (device.isCpu()) return best;  // the model is of GPUs
  double least = std::numeric_limits<double>::max();
  const TacticSpace space = pairsSpace(s, device);
  const std::vector<int> parts = splits(s, device), whole = batches(s);
  for (const Tile& tile : kTiles)
    for (const int wide : kWidths)
      for (const int batch : whole)
        for (const int patches : {1, 2}) {
          PairsTactic t{tile.m, tile.teams, tile.subs, wide, batch, 2, patches, 1};
          fillStages(t, s, device);
          for (const int split : parts) {
            t.split = split;
            const double seconds = pairsSeconds(s, t, device);
            if (seconds < least && space.contains(toTactic(t))) best = t, least = seconds;
          }
        }
  return best;
}

}  // namespace tessera
