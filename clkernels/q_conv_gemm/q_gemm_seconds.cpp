// Time model of q_conv_gemm.cl.
#include "clkernels/q_conv_gemm/q_gemm_seconds.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tessera {
namespace {

// Tiles worth trying untuned, measured on an H200. Small work-groups of large item tiles lead: more of them share a
// unit, so that one computes while another waits at its barrier.
constexpr std::array kTiles{GemmTile{128, 128, 8, 8}, GemmTile{128, 64, 8, 8}, GemmTile{64, 128, 8, 8},
                            GemmTile{64, 64, 8, 8},   GemmTile{64, 64, 8, 4},  GemmTile{64, 64, 4, 4},
                            GemmTile{64, 32, 4, 4},   GemmTile{32, 128, 8, 4}, GemmTile{32, 64, 8, 4},
                            GemmTile{32, 64, 4, 4},   GemmTile{32, 32, 4, 4},  GemmTile{16, 128, 8, 4},
                            GemmTile{16, 128, 4, 4},  GemmTile{16, 64, 4, 4}};

}  // namespace

GemmTactic quantGemmFallback(const GemmShape& words, const GemmFreedom& freedom, const DeviceCaps& device) {
  return gemmBest(kTiles, words, freedom, device,
                  [&](const GemmTactic& t) { return quantGemmSeconds(words, t, device); });
}

// As gemmSeconds, for a unit that starts a dot product of 32 lanes every other cycle on each of its four pipes and
// other instructions in between.
double quantGemmSeconds(const GemmShape& shape, const GemmTactic& t, const DeviceCaps& device) {
  const double items = t.items(), warps = items / 32;
  const double xLoads = 1.0 * t.k * t.n / t.vx / 32, wLoads = t.k * t.m / 4.0 / 32;
  const double products = 1.0 * t.m * t.n * t.k / 32, localLoads = warps * t.k * (t.wm + t.wn) / 4.0;
  const double moves = (t.async ? 2.3 : 11) * (xLoads + wLoads) + (t.flat ? 7.4 * xLoads : 0);
  const double instructions = products + localLoads + moves + 31 * warps;
  // Of the dot products' peak; groups of more than four warps lose more at their barriers.
  const double fraction = items <= 128 ? 0.97 : 0.86;
  const double issue = std::max(2 * products + 0.3 * (instructions - products), instructions) / 4 / fraction;
  const double latency = (t.async ? 50 + 130.0 / (t.async - 1) : 370) + 1.4 * instructions / warps;

  const double staged = t.async ? 0 : t.k * (t.m + t.n) / items;
  const double registers = std::min(255.0, t.wm * t.wn + t.wm + t.wn + 32 + staged);
  const double resident =
      std::max(1.0, std::min({std::floor(65536 / (registers * items)), std::floor(2048 / items),
                              std::floor(228.0 * 1024 / (t.localBytes() + 1024)), 32.0}));
  const double groups = static_cast<double>(t.groups(shape)) * t.split;
  const double perUnit = std::ceil(groups / device.computeUnits), together = std::min(resident, perUnit);
  const double tiles = std::ceil(1.0 * shape.tiles(t.k, t.flat != 0) / t.split);
  const double tile = std::max(together * issue, latency) + 0.12 * std::min(together * issue, latency);
  constexpr double kGroup = 3300, kSum = 9200, kBytesPerCycle = 2970, kClock = 1.8e9;
  double cycles = perUnit / together * (tiles * tile + kGroup);
  if (t.split > 1)
    cycles += kSum + 8.0 * t.split * shape.groups * shape.rows * shape.pixels() / kBytesPerCycle;
  return kGemmLaunchSeconds + cycles / kClock;
}

}  // namespace tessera
