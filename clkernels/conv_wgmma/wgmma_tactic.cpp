// Space and untuned choice of tiles for conv_wgmma.
#include "clkernels/conv_wgmma/wgmma_tactic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "clkernels/common/constraint.hpp"
#include "clkernels/common/gpu_model.hpp"
#include "clkernels/common/tensor_cores.hpp"

namespace tessera {
namespace {

constexpr int kPiece = 16, kPieces = 2;  // bytes; of a row in a chunk
constexpr int kUnrolled = 9;             // taps that are unrolled together, else a row's
constexpr std::array kSplits{1, 2, 3, 4, 6, 8, 12, 16};

// Worth trying untuned, and how many cycles a product takes for one of 128 channels and two teams of one
// sub-tile: the larger a tile, the fewer bytes pass through local memory for each of its products. Measured
// on an H200.
struct Tile {
  int m, teams, subs;
  double cycles;
};
constexpr std::array kTiles{Tile{128, 2, 2, 0.757}, Tile{128, 2, 1, 1},   Tile{128, 1, 2, 0.978},
                            Tile{64, 2, 1, 1.25},   Tile{64, 1, 2, 1.43}, Tile{64, 2, 2, 1.43}};
constexpr std::array kWidths{16, 32, 8, 0};

// The positions of a row, and the rows, of an image and the zeros behind it, where a tile is a run of them.
int linearPitch(const GemmShape& s) {
  if (s.strideX != 1 || s.strideY != 1) return s.gridWidth;
  const int reach = (s.tapsX - 1) * s.dilationX;
  return std::max(s.width + std::max(s.padX, s.gridWidth - s.width - s.padX + reach), s.gridWidth);
}
int linearRows(const GemmShape& s) {
  if (s.strideX != 1 || s.strideY != 1) return s.gridHeight;
  const int reach = (s.tapsY - 1) * s.dilationY;
  return std::max(s.height + std::max(s.padY, s.gridHeight - s.height - s.padY + reach), s.gridHeight);
}

std::vector<int> splits(const MmaProblem& p, const DeviceCaps& device) {
  std::vector<int> values{1};
  for (const int split : kSplits)
    if (split > 1 && device.fences && wgmmaChunks(p) >= 2 * split) values.push_back(split);
  return values;
}

// The most stages that fit, up to eight.
void fillStages(WgmmaTactic& t, const MmaProblem& p, const DeviceCaps& device) {
  for (t.stages = 8; t.stages > 2 && t.localBytes(p) > wgmmaLocalBytes(device);) --t.stages;
}

}  // namespace

int wgmmaLocalBytes(const DeviceCaps& device) {
  return static_cast<int>(hasWgmma(device) ? kWgmmaLocalBytes
                                           : std::min(device.localMemory, std::size_t{1} << 20));
}

std::int64_t wgmmaPatch(const GemmShape& s, int pixels, int wide) {
  const std::int64_t reachX = (s.tapsX - 1) * s.dilationX, reachY = (s.tapsY - 1) * s.dilationY;
  if (wide == 0) return pixels + reachY * linearPitch(s) + reachX;
  const std::int64_t planes =
      std::min<std::int64_t>(reachX + 1, s.strideX) * std::min<std::int64_t>(reachY + 1, s.strideY);
  return planes * (wide + reachX / s.strideX) * (pixels / wide + reachY / s.strideY);
}

std::int64_t wgmmaPixelTiles(const GemmShape& s, int pixels, int wide) {
  if (wide == 0) return ceilDiv(std::int64_t{s.batch} * linearRows(s) * linearPitch(s), std::int64_t{pixels});
  return s.batch * ceilDiv(s.gridWidth, wide) * ceilDiv(s.gridHeight, pixels / wide);
}

std::vector<int> wgmmaBatches(const GemmShape& s) {
  const int unrolled = s.taps() <= kUnrolled ? s.taps() : s.tapsX;
  std::vector<int> values;
  for (int batch = 1; batch <= kUnrolled; ++batch)
    if (unrolled % batch == 0) values.push_back(batch);
  return values;
}

int wgmmaChunks(const MmaProblem& p) {
  return static_cast<int>(ceilDiv(p.shape.channels * p.blockBytes, kPiece * kPieces));
}

int WgmmaTactic::localBytes(const MmaProblem& p) const {
  std::int64_t pitch = wgmmaPatch(p.shape, pixels(), wide);
  if (p.blockBytes > kPiece) pitch = (pitch + 3) / 8 * 8 + 4;
  const std::int64_t bytes =
      kPiece * kPieces * (std::int64_t{stages} * batch * m + 2 * pitch) + 8 * (4 + 2 * stages);
  return static_cast<int>(std::min<std::int64_t>(bytes, std::numeric_limits<int>::max()));
}

std::int64_t WgmmaTactic::tiles(const GemmShape& s) const {
  return ceilDiv(s.rows, m) * s.groups * wgmmaPixelTiles(s, pixels(), wide);
}
std::int64_t WgmmaTactic::partialBytes(const GemmShape& s) const {
  return split == 1 ? 0 : split * tiles(s) * m * pixels() * 4;
}

TacticSpace wgmmaSpace(const MmaProblem& p, const DeviceCaps& device) {
  TacticSpace space;
  space.parameters = {{"M", {64, 128}},
                      {"TEAMS", {1, 2}},
                      {"SUBS", {1, 2}},
                      {"WIDE", {0, 8, 16, 32}},
                      {"BATCH", wgmmaBatches(p.shape)},
                      {"STAGES", {2, 3, 4, 5, 6, 7, 8}},
                      {"SPLIT", splits(p, device)}};
  const GemmShape shape = p.shape;
  require<WgmmaTactic>(space, "a rectangle has whole sub-tiles of 8 x 8 pixels",
                       [](const WgmmaTactic& t) { return t.wide == 0 || t.pixels() / t.wide % 8 == 0; });
  if (shape.strideX > 1 || shape.strideY > 1)
    require<WgmmaTactic>(space, "a run of positions moves by one pixel",
                         [](const WgmmaTactic& t) { return t.wide > 0; });
  const int most = static_cast<int>(device.maxWorkGroup);
  require<WgmmaTactic>(space, "a work-group has at most " + std::to_string(most) + " items",
                       [most](const WgmmaTactic& t) { return t.items() <= most; });
  const int local = wgmmaLocalBytes(device);
  require<WgmmaTactic>(space, "patches and weights fit local memory (" + std::to_string(local) + " bytes)",
                       [p, local](const WgmmaTactic& t) { return t.localBytes(p) <= local; });
  require<WgmmaTactic>(space, "a tile is at most once too large", [shape](const WgmmaTactic& t) {
    return (t.m == 64 || t.m < 2 * shape.rows) && (t.pixels() == 64 || t.pixels() < 2 * shape.pixels());
  });
  const auto bytes = static_cast<std::int64_t>(std::min<std::size_t>(
      device.maxAllocation ? device.maxAllocation : std::size_t{1} << 30, std::numeric_limits<int>::max()));
  require<WgmmaTactic>(space, "partial sums fit one buffer",
                       [shape, bytes](const WgmmaTactic& t) { return t.partialBytes(shape) <= bytes; });
  if (device.isCpu())
    require<WgmmaTactic>(space, "emulated tiles are small",
                         [](const WgmmaTactic& t) { return t.m == 64 && t.pixels() <= 128; });
  return space;
}

// Fitted to 62 measurements on an H200, of layers of FCN-8s, VGG-16 and ResNet-50 b32, alone on random
// numbers: mean error 5 %. Per cycle and unit:
constexpr double kProducts = 1320, kCodeProducts = 1380;  // of pairs of bytes, two for a half
constexpr double kStrided = 1.83;                         // longer where windows move by more than a pixel
constexpr double kBatchCycles = 40;                       // between batches, of all multiplying warps
constexpr double kCopyCycles = 1220, kCopyBytes = 24;     // of a batch's weights from the second-level cache
constexpr double kLatency = 147;                          // of a tile where one group has a unit for itself
// Of a result; measured again since quads are finished without branches. Those of a deconvolution's phases
// cost what they did: where they go is computed for each quad.
constexpr double kResultCycles = 0.21, kCodeCycles = 0.14, kPhaseResultCycles = 0.27, kPhaseCodeCycles = 0.29;
constexpr double kFenceCycles = 1700, kPartBytes = 23;

double cyclesOf(const WgmmaTactic& t) {
  for (const Tile& tile : kTiles)
    if (tile.m == t.m && tile.teams == t.teams && tile.subs == t.subs) return tile.cycles;
  return 1.5;
}

double wgmmaSeconds(const MmaProblem& p, const WgmmaTactic& t, const DeviceCaps& device) {
  const GpuModel model = gpuModel(device);
  const bool codes = p.blockBytes == kPiece, strided = p.shape.strideX > 1 || p.shape.strideY > 1;
  const double results = 1.0 * t.m * t.pixels();
  const double products = results * kPiece * kPieces / 2 / (codes ? kCodeProducts : kProducts) * cyclesOf(t) *
                          (strided ? kStrided : 1.0);
  const double registers = 32 + t.m * t.subs / 2.0;
  const double groups = static_cast<double>(t.tiles(p.shape)) * t.split;
  const bool phases = p.shape.phasesY * p.shape.phasesX > 1;
  const double result =
      phases ? (codes ? kPhaseCodeCycles : kPhaseResultCycles) : (codes ? kCodeCycles : kResultCycles);
  const double perUnit = std::ceil(groups / device.computeUnits);
  const double together = std::min(model.resident(registers, t.items(), t.localBytes(p)), perUnit);
  const double arrival =
      (kCopyCycles + together * t.batch * t.m * kPiece * kPieces / kCopyBytes) / (t.stages - 1);
  const double tile =
      std::max(std::max(together * products, kLatency * t.subs) + kBatchCycles / t.batch, arrival / t.batch);
  const double depth = std::ceil(1.0 * wgmmaChunks(p) / t.split) * p.shape.taps();
  double cycles = perUnit / together * depth * tile + perUnit * result * results;
  if (t.split > 1) cycles += kFenceCycles + 4.0 * t.split * results / kPartBytes;
  return cycles / model.clock;
}

WgmmaTactic wgmmaFallback(const MmaProblem& p, const DeviceCaps& device) {
  WgmmaTactic best;
  if (device.isCpu()) return best;  // the model is of GPUs
  double least = std::numeric_limits<double>::max();
  const TacticSpace space = wgmmaSpace(p, device);
  const std::vector<int> parts = splits(p, device), whole = wgmmaBatches(p.shape);
  for (const Tile& tile : kTiles)
    for (const int wide : kWidths)
      for (const int batch : whole) {
        if (tile.m == 128 && batch > 7) continue;  // slower, as measured
        WgmmaTactic t{tile.m, tile.teams, tile.subs, wide, batch, 2, 1};
        fillStages(t, p, device);
        for (const int split : parts) {
          t.split = split;
          if (t.stages * t.batch < 4) continue;  // too little on its way
          const double seconds = wgmmaSeconds(p, t, device);
          if (seconds < least && space.contains(toTactic(t))) best = t, least = seconds;
        }
      }
  return best;
}

}  // namespace tessera
