// Time model of q_conv_gemm.cl.
#include "clkernels/q_conv_gemm/q_gemm_seconds.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tessera {
namespace {

// Tiles worth trying untuned, measured on an H200. Small work-groups of large item tiles lead: more of them
// share a unit, so that one computes while another waits at its barrier.
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

// As gemmSeconds, for a unit that starts a dot product of 32 lanes every other cycle on each of its four
// pipes and other instructions in between.
double quantGemmSeconds(const GemmShape& shape, const GemmTactic& t, const DeviceCaps& device) {
  const GemmWork work = gemmWork(shape, t);
  // Of the dot products' peak; groups of more than four warps lose more at their barriers.
  const double fraction = t.items() <= 128 ? 0.97 : 0.86;
  const double others = work.instructions - work.products;
  const double issue = std::max(2 * work.products + 0.3 * others, work.instructions) / 4 / fraction;
  return gemmSeconds(shape, t, device, issue, 1.4);
}

}  // namespace tessera
