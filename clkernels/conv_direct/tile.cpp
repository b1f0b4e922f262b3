// Tactics of the tiled CPU families.
#include "clkernels/conv_direct/tile.hpp"

#include <algorithm>
#include <limits>

#include "clkernels/common/registers.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kMaxPatchBytes = 32 << 20;
constexpr std::int64_t kWeightBytes = 512 << 10;  // of one channel tile, to stay in the second-level cache
constexpr std::size_t kStreamBytes = 32 << 20;    // outputs above do not wait in a cache for their reader
const std::vector<int> kTileWidths{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20, 24, 28};

// Register steps per input channel and tap for the whole output; what the processor spends besides
// multiply-adds is measured: every step has loads and a loop to pay for.
double steps(const TileWork& w, const TileTactic& t, const DeviceCaps& device) {
  const double busy =
      VectorRegisters(device).step(t.tx * t.tk, t.tk) + 0.3 * t.tk + 0.1 * t.tx + (w.block == 1 ? 3.0 : 0.8);
  return static_cast<double>(w.tilesPerRow(t) * ceilDiv(w.kBlocks, t.tk)) * busy;
}

bool fitsRegisters(const TileTactic& t, int block, const DeviceCaps& device) {
  // With blocked input the compiler folds broadcasts into the multiply-adds, which saves the register for
  // them.
  return t.tx * t.tk + t.tk + (block == 16 ? 0 : 1) <= VectorRegisters(device).most();
}

std::int64_t weightBytes(const TileWork& w, int tk, std::int64_t blocks) {
  return blocks * w.block * w.taps * tk * 16 * 4;
}

}  // namespace

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

std::size_t patchBytes(const TileWork& w, const TileTactic& t) {
  const std::int64_t items = tileRegions(w, t).count * w.groups * ceilDiv(w.kBlocks, t.tk) * w.batch;
  return static_cast<std::size_t>(items * (w.patchFloats + (t.tx - 1) * w.patchFloatsPerPixel) * 4);
}

TacticSpace tileSpace(const TileWork& w, const DeviceCaps& device) {
  TacticSpace space;
  std::vector<int> regions, panels{0};
  for (int region = 1; region <= 4096; region *= 2) {
    regions.push_back(region);
    if (region >= w.rows * w.columns) break;
  }
  for (int panel = 1; panel < w.inputBlocks() && panel <= 64; panel *= 2) panels.push_back(panel);
  space.parameters = {{"TX", kTileWidths}, {"TK", {1, 2, 3, 4}}, {"REGION", regions}, {"PANEL", panels}};
  const auto typed = [](const Tactic& t) { return fromTactic<TileTactic>(t); };
  space.constraints = {
      {"a tile is wider than a row of the output", [=](const Tactic& t) { return typed(t).tx <= w.columns; }},
      {"a tile has more channels than the output", [=](const Tactic& t) { return typed(t).tk <= w.kBlocks; }},
      {"accumulators and weights do not fit the vector registers",
       [=](const Tactic& t) { return fitsRegisters(typed(t), w.block, device); }},
      {"edge patches of all work-items take more than 32 MiB",
       [=](const Tactic& t) { return static_cast<std::int64_t>(patchBytes(w, typed(t))) <= kMaxPatchBytes; }},
  };
  return space;
}

TileTactic tileFallback(const TileWork& w, const DeviceCaps& device) {
  TileTactic best;
  double least = std::numeric_limits<double>::max();
  for (int tk = 1; tk <= std::min<std::int64_t>(4, w.kBlocks); ++tk)
    for (const int tx : kTileWidths) {
      const TileTactic t{tx, tk};
      if (tx > w.columns || !fitsRegisters(t, w.block, device)) continue;
      const double needed = steps(w, t, device);
      if (needed >= least) continue;
      least = needed;
      best = t;
    }
  // Weights that overflow the cache are taken in passes of some input blocks, over regions large enough to
  // reuse them.
  const std::int64_t blocks = w.inputBlocks();
  if (weightBytes(w, best.tk, blocks) > kWeightBytes)
    for (best.panel = 1; best.panel * 2 < blocks && best.panel < 64 &&
                         weightBytes(w, best.tk, best.panel * 2) <= kWeightBytes;)
      best.panel *= 2;
  if (best.panel >= blocks) best.panel = 0;
  // Enough work-items to keep every core busy to the end, and no more.
  const std::int64_t others = w.groups * ceilDiv(w.kBlocks, best.tk) * w.batch;
  const std::int64_t tiles = w.tilesPerRow(best) * w.rows;
  const std::int64_t wanted = ceilDiv((best.panel ? 8 : 24) * std::max(device.computeUnits, 1), others);
  const auto tooMany = [&] { return static_cast<std::int64_t>(patchBytes(w, best)) > kMaxPatchBytes; };
  while (best.region < 4096 && best.region < w.rows * w.columns &&
         (std::int64_t{best.region} * 2 * wanted <= tiles || tooMany()))
    best.region *= 2;
  return best;
}

double tileEfficiency(const TileWork& w, const TileTactic& t, const DeviceCaps& device) {
  const double useful = static_cast<double>(w.columns * w.kBlocks);
  return std::min(0.93, 0.95 * useful / steps(w, t, device));
}

Verdict tileApplies(const OpView& op, const DeviceCaps& device) {
  if (const auto why = whyNoTiles(device); !why.empty()) return Verdict::no(why);
  for (std::size_t i = 0; i < op.inputs.size(); ++i)
    if (op.has(i) && op.inputs[i].type != DataType::Float32) return Verdict::no("an operand is not f32");
  if (op.inputs[0].shape.size() > 4) return Verdict::no("it has more than two spatial extents");
  for (const int i : {1, kBiasInput, kSlopeInput})
    if (op.has(i) && !op.inputs[i].constant) return Verdict::no("weights, bias and slope must be constants");
  if (const auto why = whyNoEpilogue(op); !why.empty()) return Verdict::no(why);
  const int block = op.inputs[0].layout.block;
  if (block != 1 && block != 16)
    return Verdict::no("the input is neither planar nor in blocks of 16 channels");
  if (op.outputs[0].layout.block != 16) return Verdict::no("the output is not in blocks of 16 channels");
  if (op.has(kResidualInput) && op.inputs[kResidualInput].layout.block != 16)
    return Verdict::no("the residual is not in blocks of 16 channels");
  const Window w = windowOf(op);
  if (w.group > 1 && w.groupOutputs() % 16) return Verdict::no("a group's output is not whole blocks");
  if (w.group > 1 && w.groupChannels() % block) return Verdict::no("a group's input is not whole blocks");
  return Verdict::yes();
}

KernelCall tileCall(Launch& launch, const OpView& op, const TileWork& w, const TileTactic& t,
                    const std::string& source, const std::string& entry, const DeviceCaps& device) {
  // Streaming stores take the vectors' natural alignment, and pay where the output leaves the caches anyway.
  const TensorDesc& y = op.outputs[0];
  const bool aligned = y.layout.offset % 16 == 0 && y.batchStride() % 16 == 0;
  const bool stream = device.pocl && aligned && y.bytes() > kStreamBytes;
  KernelCall call{.source = source, .entry = entry};
  call.defines = {{"T_TX", std::to_string(t.tx)},
                  {"T_TK", std::to_string(t.tk)},
                  {"P_BLOCK", std::to_string(w.block)},
                  {"D_PREFETCH", device.pocl ? "1" : "0"},
                  {"D_STREAM", stream ? "1" : "0"}};
  addEpilogueDefines(call.defines, op);
  call.global = {static_cast<std::size_t>(tileRegions(w, t).count),
                 static_cast<std::size_t>(w.groups * ceilDiv(w.kBlocks, t.tk)),
                 static_cast<std::size_t>(w.batch)};
  call.local = {1, 1, 1};
  launch.scratch = {patchBytes(w, t)};
  call.args = {KernelArg::input(0), KernelArg::packed(0)};
  addPaddedEpilogueArgs(launch, call.args, op, 16);
  call.args.push_back(KernelArg::output(0));
  call.args.push_back(KernelArg::scratch(0));
  addPlaces(call.args, op);
  return call;
}

Cost tileCost(Cost operands, double operations, const Window& window, const TileWork& work,
              const DeviceCaps& device) {
  const double lanes =
      static_cast<double>(window.groupOutputs()) / static_cast<double>(roundUp(window.groupOutputs(), 16));
  operands.operations = operations;
  operands.efficiency = lanes * tileEfficiency(work, tileFallback(work, device), device);
  // Measured with many planar channels: a loop per tap for each of them.
  if (work.block == 1 && work.channels >= 8) operands.efficiency /= 1.4;
  return operands;
}

}  // namespace tessera
