// Tactics of the tiled families for CPUs.
#include "clkernels/conv_direct/tile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clkernels/common/constraint.hpp"
#include "clkernels/common/dot4.hpp"
#include "clkernels/common/registers.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kScratchPatches = 32 << 20;  // bytes of all work-items' patches
constexpr std::int64_t kPrivatePatch = 16 << 10;    // values
constexpr std::int64_t kWaitingSums = 64 << 20;     // bytes of all work-items' sums between passes
constexpr std::int64_t kWeightBytes = 512 << 10;    // of one channel tile, to stay in the second-level cache
const std::vector<int> kTileWidths{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20, 24, 28};

// Register steps of one tile per step of its loops: of an input channel and tap, or in codes of the channels
// of a step. What the processor spends besides multiply-adds is measured: every step has loads and a loop to
// pay for. Halves are widened, the weights in every step.
double stepsOfTile(const TileWork& w, const TileTactic& t, const DeviceCaps& device) {
  const VectorRegisters registers(device);
  // On AVX2 a multiply-add of codes is three instructions, two of which multiply; or of a pair two, one of
  // which does, but as slow as one and a half.
  if (w.positive && registers.wide)
    return registers.step(t.tx * t.tk, t.tk + 1) + 0.1 * t.tx + 0.5 * t.tk + 1.0;
  if (w.positive) return 2.0 * registers.step(t.tx * t.tk, t.tk + 0.5) + 0.3 * t.tx + 0.5 * t.tk + 1.0;
  if (w.lanes == 2) return 1.3 * registers.step(t.tx * t.tk, t.tk + 0.5) + 0.3 * t.tx + 0.5 * t.tk + 1.0;
  if (w.codes()) return registers.step(t.tx * t.tk, t.tk + 1) + 0.35 * t.tx + 0.5 * t.tk + 1.0;
  const double widening = w.inPlace() ? 0 : 0.5 * t.tk + 0.1 * t.tx;
  return registers.step(t.tx * t.tk, t.tk) + 0.3 * t.tk + 0.1 * t.tx + (w.block == 1 ? 3.0 : 0.8) + widening;
}

// Of the whole output; per input channel and tap, or in codes all of them, with the epilogue of a tile.
double steps(const TileWork& w, const TileTactic& t, const DeviceCaps& device) {
  const auto tiles = static_cast<double>(w.tilesPerRow(t) * ceilDiv(w.kBlocks, t.tk));
  const double tile = stepsOfTile(w, t, device);
  if (!w.codes()) return tiles * tile;
  return tiles *
         (static_cast<double>(w.taps * ceilDiv(w.channels, w.lanes)) * tile + 14.0 * t.tx * t.tk + 40.0);
}

bool fitsRegisters(const TileWork& w, const TileTactic& t, const DeviceCaps& device) {
  // With blocks of floats the compiler folds broadcasts into the multiply-adds, which saves the register for
  // them.
  const int broadcast = !w.codes() && w.block == 16 ? 0 : 1;
  return t.tx * t.tk + t.tk + broadcast <= VectorRegisters(device).most();
}

std::int64_t weightBytes(const TileWork& w, int tk, std::int64_t blocks) {
  return blocks * w.block * w.taps * tk * 16 * static_cast<std::int64_t>(byteSize(w.type));
}

// Of a tile.
std::int64_t patchValues(const TileWork& w, const TileTactic& t) {
  const std::int64_t values = w.patch + (t.tx - 1) * w.patchPixel;
  return values / w.lanes;  // an element is what a step takes
}

std::int64_t workItems(const TileWork& w, const TileTactic& t) {
  return tileRegions(w, t).count * w.groups * ceilDiv(w.kBlocks, t.tk) * w.batch;
}

std::int64_t scratchLimit(const TileWork& w) { return w.inPlace() ? kScratchPatches : kWaitingSums; }

bool fitsScratch(const TileWork& w, const TileTactic& t) {
  return static_cast<std::int64_t>(tileScratch(w, t)) <= scratchLimit(w);
}

}  // namespace

TileWork tileWork(const OpView& op, const Window& window, const DeviceCaps& device) {
  TileWork work;
  work.type = op.inputs[0].type;
  work.block = op.inputs[0].layout.block == 16 ? 16 : work.codes() ? 4 : 1;
  const bool avx2 = work.codes() && device.dot4 == kDot4Avx2;
  // With VNNI copying is what it spares, which counts where each pixel serves one tap.
  const bool gains = avx2 || (work.codes() && device.dot4 == Dot4Body::Vnni && window.kernelVolume() == 1);
  // Codes around a zero point are negative where their values are not.
  work.positive =
      gains && work.block == 16 && op.attrs.integer("nonnegative") != 0 && !op.attrs.has("x_zero");
  if (work.codes()) work.lanes = avx2 && !work.positive ? 2 : 4;
  work.panels = !work.positive;  // there is no place for sums of codes in y
  work.kBlocks = ceilDiv(window.groupOutputs(), 16);
  work.groups = window.group, work.batch = window.batch;
  work.channels = window.groupChannels();
  return work;
}

TileRegions tileRegions(const TileWork& w, const TileTactic& t) {
  TileRegions r;
  const std::int64_t perRow = w.tilesPerRow(t);
  if (t.region >= perRow) {
    r.rows = std::clamp<std::int64_t>(t.region / perRow, 1, w.rows);
    r.columns = w.columns;
  } else {
    r.columns = std::int64_t{t.region} * t.tx;
  }
  r.count = ceilDiv(w.rows, r.rows) * ceilDiv(w.columns, r.columns);
  return r;
}

std::int64_t privatePatch(const TileWork& w, const TileTactic& t) {
  if (w.inPlace()) return 0;
  const std::int64_t values = patchValues(w, t) + 16;
  std::int64_t rounded = 64;
  while (rounded < values) rounded *= 2;
  return rounded;
}

std::size_t tileScratch(const TileWork& w, const TileTactic& t) {
  if (w.inPlace()) return static_cast<std::size_t>(workItems(w, t) * patchValues(w, t) * 4);
  if (t.panel == 0 || t.panel >= w.inputBlocks()) return 0;
  const TileRegions r = tileRegions(w, t);
  return static_cast<std::size_t>(workItems(w, t) * r.rows * ceilDiv(r.columns, t.tx) * t.tx * t.tk * 64);
}

std::string whyNoPatch(const TileWork& work) {
  return privatePatch(work, {}) > kPrivatePatch ? "the window is too large" : "";
}

TacticSpace tileSpace(const TileWork& w, const DeviceCaps& device) {
  TacticSpace space;
  std::vector<int> regions, panels{0};
  for (int region = 1; region <= 4096; region *= 2) {
    regions.push_back(region);
    if (region >= w.rows * w.columns) break;
  }
  for (int panel = 1; w.panels && panel < w.inputBlocks() && panel <= 64; panel *= 2) panels.push_back(panel);
  space.parameters = {{"TX", kTileWidths}, {"TK", {1, 2, 3, 4}}, {"REGION", regions}, {"PANEL", panels}};
  require<TileTactic>(space, "a tile is wider than a row of the output",
                      [=](const TileTactic& t) { return t.tx <= w.columns; });
  require<TileTactic>(space, "a tile has more channels than the output",
                      [=](const TileTactic& t) { return t.tk <= w.kBlocks; });
  require<TileTactic>(space, "accumulators and weights do not fit the vector registers",
                      [=](const TileTactic& t) { return fitsRegisters(w, t, device); });
  require<TileTactic>(space, "the input of a tile takes more than 64 KiB",
                      [=](const TileTactic& t) { return privatePatch(w, t) <= kPrivatePatch; });
  require<TileTactic>(space,
                      (w.inPlace() ? "edge patches of all work-items take more than "
                                   : "sums between passes take more than ") +
                          std::to_string(scratchLimit(w) >> 20) + " MiB",
                      [=](const TileTactic& t) { return fitsScratch(w, t); });
  return space;
}

TileTactic tileFallback(const TileWork& w, const DeviceCaps& device) {
  TileTactic best;
  double least = std::numeric_limits<double>::max();
  for (int tk = 1; tk <= std::min<std::int64_t>(4, w.kBlocks); ++tk)
    for (const int tx : kTileWidths) {
      const TileTactic t{tx, tk};
      if (tx > w.columns || !fitsRegisters(w, t, device) || privatePatch(w, t) > kPrivatePatch) continue;
      const double needed = steps(w, t, device);
      if (needed >= least) continue;
      least = needed;
      best = t;
    }
  // Weights that overflow the cache are taken in passes of some input blocks, over regions large enough to
  // reuse them.
  const std::int64_t blocks = w.inputBlocks();
  if (w.panels && weightBytes(w, best.tk, blocks) > kWeightBytes)
    for (best.panel = 1; best.panel * 2 < blocks && best.panel < 64 &&
                         weightBytes(w, best.tk, best.panel * 2) <= kWeightBytes;)
      best.panel *= 2;
  if (best.panel >= blocks) best.panel = 0;
  // Enough work-items to keep every core busy to the end, and no more.
  const std::int64_t others = w.groups * ceilDiv(w.kBlocks, best.tk) * w.batch;
  const std::int64_t tiles = w.tilesPerRow(best) * w.rows;
  const std::int64_t wanted = ceilDiv((best.panel ? 8 : 24) * std::max(device.computeUnits, 1), others);
  const auto tooMany = [&] { return w.inPlace() && !fitsScratch(w, best); };
  while (best.region < 4096 && best.region < w.rows * w.columns &&
         (std::int64_t{best.region} * 2 * wanted <= tiles || tooMany()))
    best.region *= 2;
  if (!w.inPlace() && !fitsScratch(w, best)) best.panel = 0;
  return best;
}

double tileSteps(const TileWork& w, const TileTactic& t, const DeviceCaps& device) {
  return withIdleCores(steps(w, t, device), workItems(w, t), device);
}

double tileEfficiency(const TileWork& w, double lanes, const DeviceCaps& device) {
  const double needed = steps(w, tileFallback(w, device), device);
  const auto blocks = static_cast<double>(w.columns * w.kBlocks);
  if (!w.codes()) return lanes * std::min(0.93, 0.95 * blocks / needed);
  const double products = lanes * blocks * static_cast<double>(w.taps * w.channels) / w.lanes;
  return w.lanes * std::min(0.9, products / needed);
}

}  // namespace tessera
