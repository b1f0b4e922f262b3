// Tactics and packing of the tiled INT8 families for CPUs.
#include "clkernels/q_conv_direct/q_tile.hpp"

#include <algorithm>
#include <limits>

#include "clkernels/common/registers.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kMaxSumBytes = 64 << 20;   // sums of all work-items between passes
constexpr std::int64_t kWeightBytes = 512 << 10;  // of one channel tile, to stay in the second-level cache
const std::vector<int> kTileWidths{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20, 24, 28};

// Register steps of four input channels for the whole output. What the processor spends besides dot products:
// steps have loads, tiles have an epilogue.
double steps(const TileWork& w, const TileTactic& t, const DeviceCaps& device) {
  const double products = static_cast<double>(w.taps * ceilDiv(w.channels, 4));
  const double step = VectorRegisters(device).step(t.tx * t.tk, t.tk + 1) + 0.35 * t.tx + 0.5 * t.tk + 1.0;
  const double finish = 14.0 * t.tx * t.tk + 40.0;
  return static_cast<double>(w.tilesPerRow(t) * ceilDiv(w.kBlocks, t.tk)) * (products * step + finish);
}

bool fitsRegisters(const TileTactic& t, const DeviceCaps& device) {
  return t.tx * t.tk + t.tk + 1 <= VectorRegisters(device).most();
}

std::int64_t weightBytes(const TileWork& w, int tk, std::int64_t blocks) {
  return blocks * w.block * w.taps * tk * 16;
}

std::int64_t workItems(const TileWork& w, const TileTactic& t) {
  return tileRegions(w, t).count * w.groups * ceilDiv(w.kBlocks, t.tk) * w.batch;
}

}  // namespace

std::int64_t sumBytes(const TileWork& w, const TileTactic& t) {
  if (t.panel == 0 || t.panel >= w.inputBlocks()) return 0;
  const TileRegions r = tileRegions(w, t);
  return workItems(w, t) * r.rows * ceilDiv(r.columns, t.tx) * t.tx * t.tk * 64;
}

std::int64_t patchWords(const TileWork& w, const TileTactic& t) {
  const std::int64_t words = (w.patchFloats + (t.tx - 1) * w.patchFloatsPerPixel) / 4 + 16;
  std::int64_t rounded = 64;
  while (rounded < words) rounded *= 2;
  return rounded;
}

TacticSpace quantTileSpace(const TileWork& w, bool panels, const DeviceCaps& device) {
  TacticSpace space;
  std::vector<int> regions, passes{0};
  for (int region = 1; region <= 4096; region *= 2) {
    regions.push_back(region);
    if (region >= w.rows * w.columns) break;
  }
  for (int panel = 1; panels && panel < w.inputBlocks() && panel <= 64; panel *= 2) passes.push_back(panel);
  space.parameters = {{"TX", kTileWidths}, {"TK", {1, 2, 3, 4}}, {"REGION", regions}, {"PANEL", passes}};
  const auto typed = [](const Tactic& t) { return fromTactic<TileTactic>(t); };
  space.constraints = {
      {"a tile is wider than a row of the output", [=](const Tactic& t) { return typed(t).tx <= w.columns; }},
      {"a tile has more channels than the output", [=](const Tactic& t) { return typed(t).tk <= w.kBlocks; }},
      {"accumulators and weights do not fit the vector registers",
       [=](const Tactic& t) { return fitsRegisters(typed(t), device); }},
      {"the input of a tile takes more than 64 KiB",
       [=](const Tactic& t) { return patchWords(w, typed(t)) <= kMaxPatchWords; }},
      {"sums between passes take more than 64 MiB",
       [=](const Tactic& t) { return sumBytes(w, typed(t)) <= kMaxSumBytes; }}};
  return space;
}

TileTactic quantTileFallback(const TileWork& w, const DeviceCaps& device, bool panels) {
  TileTactic best;
  double least = std::numeric_limits<double>::max();
  for (int tk = 1; tk <= std::min<std::int64_t>(4, w.kBlocks); ++tk)
    for (const int tx : kTileWidths) {
      const TileTactic t{tx, tk};
      if (tx > w.columns || !fitsRegisters(t, device) || patchWords(w, t) > kMaxPatchWords) continue;
      const double needed = steps(w, t, device);
      if (needed >= least) continue;
      least = needed;
      best = t;
    }
  // Weights that overflow the cache are taken in passes of some input blocks.
  const std::int64_t blocks = w.inputBlocks();
  if (panels && weightBytes(w, best.tk, blocks) > kWeightBytes)
    for (best.panel = 1; best.panel * 2 < blocks && best.panel < 64 &&
                         weightBytes(w, best.tk, best.panel * 2) <= kWeightBytes;)
      best.panel *= 2;
  if (best.panel >= blocks) best.panel = 0;
  // Enough work-items to keep every core busy to the end, and no more.
  const std::int64_t others = w.groups * ceilDiv(w.kBlocks, best.tk) * w.batch;
  const std::int64_t tiles = w.tilesPerRow(best) * w.rows;
  const std::int64_t wanted = ceilDiv((best.panel ? 8 : 24) * std::max(device.computeUnits, 1), others);
  while (best.region < 4096 && best.region < w.rows * w.columns &&
         std::int64_t{best.region} * 2 * wanted <= tiles)
    best.region *= 2;
  if (sumBytes(w, best) > kMaxSumBytes) best.panel = 0;
  return best;
}

Verdict quantTileApplies(const OpView& op, const DeviceCaps& device) {
  if (const auto why = whyNoTiles(device); !why.empty()) return Verdict::no(why);
  if (op.inputs[0].shape.size() > 4) return Verdict::no("it has more than two spatial extents");
  for (const int i : {1, kBiasInput, kSlopeInput, kMultiplierArgInput})
    if (op.has(i) && !op.inputs[i].constant)
      return Verdict::no("weights, bias, slope and multipliers must be constants");
  if (const auto why = whyNoQuantEpilogue(op); !why.empty()) return Verdict::no(why);
  const int block = op.inputs[0].layout.block;
  if (block != 1 && block != 16)
    return Verdict::no("the input is neither planar nor in blocks of 16 channels");
  const int outputBlock = op.outputs[0].layout.block;
  if (outputBlock != 1 && outputBlock != 16)
    return Verdict::no("the output is neither planar nor in blocks of 16 channels");
  if (op.has(kResidualInput) && op.inputs[kResidualInput].layout.block != 16)
    return Verdict::no("the residual is not in blocks of 16 channels");
  const Window w = windowOf(op);
  if (w.group > 1 && w.groupOutputs() % 16) return Verdict::no("a group's output is not whole blocks");
  if (w.group > 1 && w.groupChannels() % block) return Verdict::no("a group's input is not whole blocks");
  return Verdict::yes();
}

PackedConstant packQuantWeights(const Window& w, int depth, int tk, const WeightOrder& order) {
  return {order.name + " codes d" + std::to_string(depth) + " tk" + std::to_string(tk),
          [w, depth, tk, order](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<std::int8_t>();
            const std::int64_t C = w.groupChannels(), K = w.groupOutputs(), taps = w.kernelVolume();
            const std::int64_t wide = tk * 16, tiles = ceilDiv(K, wide), blocks = ceilDiv(C, depth);
            HostTensor packed(DataType::Int8, {w.group, tiles, blocks, taps, depth / 4, wide, 4});
            const auto to = packed.as<std::int8_t>();
            for (std::int64_t k = 0; k < w.outChannels; ++k) {
              const std::int64_t tile = k / K * tiles + k % K / wide;
              for (std::int64_t c = 0; c < C; ++c)
                for (std::int64_t tap = 0; tap < taps; ++tap) {
                  const std::int64_t quad =
                      ((tile * blocks + c / depth) * taps + order.place(tap)) * (depth / 4) + c % depth / 4;
                  to[(quad * wide + k % K % wide) * 4 + c % 4] = from[order.source(k, c, tap)];
                }
            }
            return packed;
          }};
}

PackedConstant packCorrections(const Window& w, int tk, const WeightOrder& order) {
  return {order.name + " corrections tk" + std::to_string(tk),
          [w, tk, order](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<std::int8_t>();
            const std::int64_t C = w.groupChannels(), K = w.groupOutputs(), taps = w.kernelVolume();
            const std::int64_t wide = tk * 16, tiles = ceilDiv(K, wide);
            HostTensor packed(DataType::Int32, {w.group, tiles, taps, wide});
            const auto to = packed.as<std::int32_t>();
            for (std::int64_t k = 0; k < w.outChannels; ++k)
              for (std::int64_t tap = 0; tap < taps; ++tap) {
                std::int32_t sum = 0;
                for (std::int64_t c = 0; c < C; ++c) sum += from[order.source(k, c, tap)];
                const std::int64_t tile = k / K * tiles + k % K / wide;
                to[(tile * taps + order.place(tap)) * wide + k % K % wide] = -128 * sum;
              }
            return packed;
          }};
}

KernelCall quantTileCall(Launch& launch, const OpView& op, const Window& w, const TileWork& work,
                         const TileTactic& t, const WeightOrder& order, const std::string& stem,
                         const DeviceCaps& device) {
  KernelCall call{.source = stem + "/" + stem + ".cl", .entry = stem};
  call.defines = {{"T_TX", std::to_string(t.tx)},
                  {"T_TK", std::to_string(t.tk)},
                  {"P_BLOCK", std::to_string(op.inputs[0].layout.block)},
                  {"P_PLANAR", op.outputs[0].layout.block == 1 ? "1" : "0"},
                  {"P_PATCH", std::to_string(patchWords(work, t))}};
  addQuantDefines(call.defines, op, device);
  call.global = {static_cast<std::size_t>(tileRegions(work, t).count),
                 static_cast<std::size_t>(work.groups * ceilDiv(work.kBlocks, t.tk)),
                 static_cast<std::size_t>(work.batch)};
  call.local = {1, 1, 1};
  launch.packed = {packQuantWeights(w, work.block, t.tk, order), packCorrections(w, t.tk, order),
                   paddedChannels(kMultiplierArgInput, 16)};
  call.args = {KernelArg::input(0), KernelArg::packed(0), KernelArg::packed(1), KernelArg::packed(2)};
  addPaddedEpilogueArgs(launch, call.args, op, 16);
  call.args.push_back(KernelArg::output(0));
  return call;
}

void addPlanarOutput(std::vector<BlockChoice>& choices, const OpView& op, BlockChoice like) {
  if (op.outputs[0].type != DataType::Float32 || op.has(kResidualInput)) return;
  like.outputs[0] = 1;
  choices.push_back(std::move(like));
}

Cost quantTileCost(const OpView& op, Cost operands, double operations, const Window& w, const TileWork& work,
                   const TileTactic& t, const DeviceCaps& device) {
  // The estimate's peak is that of f32 multiply-adds, of which a dot product does four at once.
  const double products = static_cast<double>(work.taps * work.groups * work.rows * work.columns) *
                          static_cast<double>(work.channels * w.groupOutputs()) / 64.0;
  operands.operations = operations;
  // Planes take a store per value: dearer than blocks, cheaper than changing the layout afterwards.
  if (op.outputs[0].layout.block == 1) operands.bytes += 2.0 * static_cast<double>(op.outputs[0].bytes());
  operands.efficiency =
      4.0 * std::min(0.9, products / (steps(work, t, device) * static_cast<double>(work.groups)));
  return operands;
}

std::vector<OpInstance> quantTileSamples(const std::string& op, const char* floatFamily) {
  std::vector<OpInstance> samples = findFamily(floatFamily)->samples();
  std::erase_if(samples,
                [](const OpInstance& s) { return !exactActivation(s.view.attrs.string("activation")); });
  return quantisedSamples(op, samples);
}

}  // namespace tessera
