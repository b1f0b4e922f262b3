/// \file
/// Host side of conv_planar/planar_tile.cl: what its families share.
#pragma once

#include <limits>

#include "clkernels/common/finish.hpp"

namespace tessera {

/// By how much the pixels' codes that the tile multiplies are too large: the bias of vpdpbusd and the zero
/// point.
inline std::int32_t planarExcess(const OpView& op) {
  return static_cast<std::int32_t>(128 + op.attrs.integer("x_zero"));
}
/// Of one work-item's copied rows: well inside a second-level cache.
constexpr std::int64_t kPlanarPatchBytes = 256 << 10;
/// Bytes of local memory for the weights in half of k output channels, widened.
inline std::int64_t planarWidenedBytes(const Window& window, int k) {
  return k * window.channels * window.kernelVolume() * 4;
}
/// Input channels that a step of the tile takes.
inline std::int64_t planarDepth(bool codes) { return codes ? 4 : 1; }
/// Whether device, operands and epilogue suit: all planar; codes where the device multiplies four at once.
Verdict planarApplies(const OpView& op, const DeviceCaps& device, bool codes);
/// Work-items for each of `others` that keep every core busy to the end.
std::int64_t planarItemsWanted(std::int64_t others, const DeviceCaps& device);
/// Expected fraction of the peak where `outputs` sums over `channels` take so many register steps per step of
/// input channels.
double planarEfficiency(std::int64_t outputs, std::int64_t channels, bool codes, double steps);
/// Calls each(output channel, input channel, row of taps, column) for all weights in the order in which they
/// lie: [output][input] channels, of a deconvolution [input][output].
template <class Each>
void forEachWeight(const Window& w, bool transposed, const Each& each) {
  const std::int64_t outer = transposed ? w.channels : w.outChannels;
  const std::int64_t inner = transposed ? w.outChannels : w.channels;
  for (std::int64_t i = 0; i < outer; ++i)
    for (std::int64_t j = 0; j < inner; ++j)
      for (std::int64_t ky = 0; ky < w.kernel[1]; ++ky)
        for (std::int64_t kx = 0; kx < w.kernel[2]; ++kx)
          transposed ? each(j, i, ky, kx) : each(i, j, ky, kx);
}
/// The tactic of up to `most` output channels and four vectors that fits and takes the fewest register steps.
template <class Tactic, class Fits, class Steps>
Tactic ofFewestSteps(std::int64_t most, const Fits& fits, const Steps& steps) {
  Tactic best;
  double least = std::numeric_limits<double>::max();
  for (int v = 1; v <= 4; ++v)
    for (int k = 1; k <= most; ++k) {
      const Tactic t{k, v};
      if (!fits(t)) continue;
      if (const double needed = steps(t); needed < least) least = needed, best = t;
    }
  return best;
}
/// Appends the defines of common/finish.cl. The tile's own corrections see to the zero point of x: programs
/// are not to differ by it, nor by the images' sizes, as those of the epilogue's do.
inline void addPlanarDefines(Defines& defines, OpView op, const DeviceCaps& device, bool stream = false) {
  if (op.attrs.has("x_zero")) op.attrs.set("x_zero", std::int64_t{0});
  addFinishDefines(defines, op, device, stream);
}
/// Appends what comes between weights and output: of codes packed constant 1 (corrections), multipliers and
/// rates; the epilogue's operands.
inline void addPlanarArgs(std::vector<KernelArg>& args, const OpView& op) {
  if (inCodes(op)) {
    args.push_back(KernelArg::packed(1));
    args.push_back(KernelArg::input(kMultiplierArgInput));
    args.push_back(KernelArg::none());  // the zero point is in the tile's own corrections
    addQuantArgs(args, op);
  }
  addEpilogueArgs(args, op);
}

}  // namespace tessera
