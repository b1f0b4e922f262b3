// Space and untuned choice of tiles for conv_gemm.
#include "clkernels/conv_gemm/gemm_tactic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "clkernels/common/constraint.hpp"
#include "clkernels/common/gpu_model.hpp"

namespace tessera {
namespace {

// Tiles worth trying untuned, measured on an H200.
constexpr std::array kTiles{
    GemmTile{128, 256, 8, 16}, GemmTile{128, 128, 8, 16}, GemmTile{128, 128, 8, 8}, GemmTile{128, 64, 8, 8},
    GemmTile{64, 256, 8, 16},  GemmTile{64, 128, 8, 8},   GemmTile{64, 64, 8, 4},   GemmTile{64, 64, 4, 4},
    GemmTile{64, 32, 4, 4},    GemmTile{32, 128, 8, 4},   GemmTile{32, 64, 8, 4},   GemmTile{32, 64, 4, 4},
    GemmTile{32, 32, 4, 4},    GemmTile{16, 128, 8, 4},   GemmTile{16, 128, 4, 4},  GemmTile{16, 64, 4, 4}};
constexpr std::array kSplits{1, 2, 3, 4, 6, 8, 12, 16, 24, 32};

// Depths of a tile that waste little: 8 and 16, and divisors of what is summed.
std::vector<int> depths(const GemmShape& shape) {
  std::set<int> all{8, 16};
  const int flat = shape.channels * shape.taps();
  for (const int length : {shape.channels, flat})
    for (int k = 4; k <= 28; ++k)
      if (length % k == 0 && (length < 64 || k % 4 == 0)) all.insert(k);
  for (const int parts : {1, 2, 3})
    if (ceilDiv(flat, parts) <= 28)
      all.insert(static_cast<int>(roundUp(ceilDiv(flat, parts), parts == 1 ? 4 : 1)));
  return {all.begin(), all.end()};
}

bool flatHelps(const GemmShape& shape) { return shape.taps() > 1 && shape.channels * shape.taps() <= 4096; }

std::vector<int> splits(const GemmShape& shape) {
  std::vector<int> values{1};
  const std::int64_t tiles = ceilDiv(shape.rows, 32) * shape.groups * ceilDiv(shape.pixels(), 32);
  for (const int split : kSplits)
    if (split > 1 && tiles <= 8192 && shape.tiles(8, false) >= 4 * split) values.push_back(split);
  return values;
}

int columns(const GemmTactic& t) { return t.n / t.vx; }

}  // namespace

GemmFreedom gemmFreedom(const OpView& op, const GemmShape& shape, const DeviceCaps& device) {
  const TensorDesc& x = op.inputs[0];
  GemmFreedom freedom;
  freedom.vectorLoads = shape.pointwise() && shape.height * shape.width % 4 == 0 &&
                        x.layout.offset % 4 == 0 && x.batchStride() % 4 == 0;
  freedom.asyncCopies = device.nvidia && device.nvidiaComputeCapability >= 80 &&
                        x.type == DataType::Float32 && op.inputs[1].type == DataType::Float32;
  return freedom;
}

void addSplitConstraints(TacticSpace& space, const GemmShape& shape, const DeviceCaps& device) {
  const auto most = static_cast<std::int64_t>(std::min<std::size_t>(
      device.maxAllocation ? device.maxAllocation : std::size_t{1} << 30, std::numeric_limits<int>::max()));
  require<GemmTactic>(space, "every part of a split sum has tiles of its own", [shape](const GemmTactic& t) {
    return t.split == 1 || shape.tiles(t.k, t.flat != 0) >= 2 * t.split;
  });
  require<GemmTactic>(space, "only the parts of a split sum are added",
                      [](const GemmTactic& t) { return t.sum == 0 || t.split > 1; });
  require<GemmTactic>(space, "partial sums fit one buffer",
                      [shape, most](const GemmTactic& t) { return t.partialBytes(shape) <= most; });
}

TacticSpace gemmSpace(const GemmShape& shape, const GemmFreedom& freedom, const DeviceCaps& device) {
  std::vector<int> m{16, 32};
  for (const int tile : {64, 128, 256})
    if (tile < 2 * shape.rows) m.push_back(tile);
  TacticSpace space;
  space.parameters = {{"M", m},
                      {"N", {32, 64, 128, 256}},
                      {"K", depths(shape)},
                      {"WM", {4, 8, 16}},
                      {"WN", {4, 8, 16}},
                      {"VX", freedom.vectorLoads ? std::vector{1, 4} : std::vector{1}},
                      {"FLAT", flatHelps(shape) ? std::vector{0, 1} : std::vector{0}},
                      {"SPLIT", splits(shape)},
                      {"SUM", device.fences && splits(shape).size() > 1 ? std::vector{0, 1} : std::vector{0}},
                      {"ASYNC", freedom.asyncCopies ? std::vector{0, 2, 3, 4} : std::vector{0}}};
  const auto most = static_cast<int>(std::min<std::size_t>(device.maxWorkGroup, 512));
  require<GemmTactic>(
      space, "a work-group has at most " + std::to_string(most) + " items, and at least 32",
      [most](const GemmTactic& t) { return t.items() <= most && t.items() >= std::min(32, most); });
  require<GemmTactic>(space, "tiles of an item need at most 128 accumulators",
                      [](const GemmTactic& t) { return t.wm * t.wn <= 128; });
  require<GemmTactic>(space, "an item's tile fits the work-group's",
                      [](const GemmTactic& t) { return t.wm <= t.m && t.wn <= t.n; });
  const auto local = static_cast<int>(std::min<std::size_t>(device.localMemory, std::size_t{1} << 20));
  require<GemmTactic>(
      space, "both tiles, each twice or ASYNC times, fit local memory (" + std::to_string(local) + " bytes)",
      [local](const GemmTactic& t) { return t.localBytes() <= local; });
  require<GemmTactic>(space, "items share the columns of x evenly", [](const GemmTactic& t) {
    return columns(t) % t.items() == 0 || t.items() >= columns(t);
  });
  require<GemmTactic>(space, "vectors of pixels are not for the flat order",
                      [](const GemmTactic& t) { return t.vx == 1 || t.flat == 0; });
  if (device.isCpu())
    require<GemmTactic>(space,
                        "a CPU's compiler takes seconds to unroll more than 128 products of an item's tile",
                        [](const GemmTactic& t) { return t.wm * t.wn * t.k <= 128; });
  addSplitConstraints(space, shape, device);
  return space;
}

void addLastSum(Launch& launch, KernelCall& product, const GemmShape& shape, const GemmTactic& t,
                const DeviceCaps& device) {
  product.defines.emplace_back("D_FENCE", device.nvidia ? "1" : "0");
  product.args.push_back(KernelArg::scratch(static_cast<int>(launch.scratch.size())));
  product.args.push_back(KernelArg::counters());
  launch.scratch.push_back(static_cast<std::size_t>(t.partialBytes(shape)));
  launch.counters = static_cast<std::size_t>(t.groups(shape));
}

GemmWork gemmWork(const GemmShape& shape, const GemmTactic& t) {
  const double warps = t.items() / 32.0;
  const double xLoads = 1.0 * t.k * t.n / t.vx / 32, wLoads = t.k * t.m / 4.0 / 32;
  const double localLoads = warps * t.k * (t.wm + t.wn) / 4.0;
  const double moves = (t.async ? 2.3 : 11) * (xLoads + wLoads) + (t.flat ? 7.4 * xLoads : 0);
  const double products = 1.0 * t.m * t.n * t.k / 32;
  return {products, products + localLoads + moves + 31 * warps,
          std::ceil(1.0 * shape.tiles(t.k, t.flat != 0) / t.split)};
}

// A second kernel is launched; or the last work-group of a tile waits for memory twice and reads all parts.
double splitCycles(const GemmShape& shape, const GemmTactic& t, const DeviceCaps& device) {
  const GpuModel model = gpuModel(device);
  if (!t.sum)
    return model.secondKernelCycles + 8.0 * t.split * shape.groups * shape.rows * shape.pixels() /
                                          (model.partBytesPerCycle * device.computeUnits);
  return model.fenceCycles + 4.0 * t.split * t.m * t.n / model.readBytesPerCycle;
}

// A tile of k costs its instructions, or its latency where too few work-groups run side by side to hide it.
double gemmSeconds(const GemmShape& shape, const GemmTactic& t, const DeviceCaps& device, double issue,
                   double perInstruction) {
  const GpuModel model = gpuModel(device);
  const double items = t.items();
  const GemmWork work = gemmWork(shape, t);
  const double latency = (t.async ? 50 + 130.0 / (t.async - 1) : model.tileCycles) +
                         perInstruction * work.instructions * 32 / items;
  const double staged = t.async ? 0 : t.k * (t.m + t.n) / items;
  const double registers = std::min(255.0, t.wm * t.wn + t.wm + t.wn + 32 + staged);
  const double groups = static_cast<double>(t.groups(shape)) * t.split;
  const double perUnit = std::ceil(groups / device.computeUnits);
  const double together = std::min(model.resident(registers, items, t.localBytes()), perUnit);
  const double tile = std::max(together * issue, latency) + 0.12 * std::min(together * issue, latency);
  double cycles = perUnit / together * (work.tiles * tile + model.groupCycles);
  if (t.split > 1) cycles += splitCycles(shape, t, device);
  return kGemmLaunchSeconds + cycles / model.clock;
}

double gemmSeconds(const GemmShape& shape, const GemmTactic& t, const DeviceCaps& device) {
  const GpuModel model = gpuModel(device);
  return gemmSeconds(shape, t, device, gemmWork(shape, t).instructions / model.warpsPerCycle,
                     model.cyclesPerStep);
}

GemmTactic gemmBest(std::span<const GemmTile> tiles, const GemmShape& shape, const GemmFreedom& freedom,
                    const DeviceCaps& device, const std::function<double(const GemmTactic&)>& seconds) {
  GemmTactic best;
  double least = std::numeric_limits<double>::max();
  const TacticSpace space = gemmSpace(shape, freedom, device);
  const auto with = [&](const GemmTile& tile, int k, int flat, int split, int async) {
    const int sum = split > 1 && device.fences;
    return GemmTactic{tile.m, tile.n, k,   tile.wm, tile.wn, freedom.vectorLoads ? 4 : 1,
                      flat,   split,  sum, async};
  };
  // The model is of GPUs. CPUs have faster families and want a tile that is quick to choose and to compile.
  if (device.isCpu())
    for (auto tile = tiles.rbegin(); tile != tiles.rend(); ++tile)
      for (const int k : depths(shape))
        if (const GemmTactic t = with(*tile, k, 0, 1, 0); space.contains(toTactic(t))) return t;
  for (const GemmTile& tile : tiles)
    for (const int k : depths(shape))
      for (const int flat : {0, 1})
        for (const int async : {0, 3})
          for (const int split : splits(shape)) {
            const GemmTactic t = with(tile, k, flat, split, async);
            const double modelled = seconds(t);
            if (modelled < least && space.contains(toTactic(t))) {
              best = t;
              least = modelled;
            }
          }
  return best;
}

GemmTactic gemmFallback(const GemmShape& shape, const GemmFreedom& freedom, const DeviceCaps& device) {
  return gemmBest(kTiles, shape, freedom, device,
                  [&](const GemmTactic& t) { return gemmSeconds(shape, t, device); });
}

}  // namespace tessera
