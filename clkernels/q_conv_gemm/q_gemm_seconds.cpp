// Time model of q_conv_gemm.cl.
#include "clkernels/q_conv_gemm/q_gemm_seconds.hpp"

#include <algorithm>
#include <cmath>

namespace tessera {

// As gemmSeconds, for a unit that starts a dot product of 32 lanes every other cycle on each of its four pipes and
// other instructions in between.
double quantGemmSeconds(const GemmShape& shape, const GemmTactic& t, const DeviceCaps& device) {
  const double items = t.items(), warps = items / 32;
  const double xLoads = 1.0 * t.k * t.n / t.vx / 32, wLoads = t.k * t.m / 4.0 / 32;
  const double products = 1.0 * t.m * t.n * t.k / 32, localLoads = warps * t.k * (t.wm + t.wn) / 4.0;
  const double moves = (t.async ? 2.3 : 11) * (xLoads + wLoads) + (t.flat ? 7.4 * xLoads : 0);
  const double instructions = products + localLoads + moves + 31 * warps;
  const double issue = std::max(2 * products + 0.3 * (instructions - products), instructions) / 4 / 0.9;
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
