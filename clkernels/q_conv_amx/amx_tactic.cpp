// Tactics of q_conv_amx.
#include "clkernels/q_conv_amx/amx_tactic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clkernels/common/constraint.hpp"

namespace tessera {
namespace {

const std::vector<int> kRows{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 56, 64, 128};
const std::vector<int> kColumns{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};
const std::vector<int> kParts{1, 2, 4, 8, 16, 32};
constexpr std::size_t kPatchBytes = 640 << 10;  // leaves room for weights in a second-level cache of 2 MiB

std::vector<int> tileWidths(const AmxWork& work) {
  std::vector<int> widths;
  for (int tile = std::min<std::int64_t>(16, work.ow); tile >= 1 && widths.size() < 9; --tile)
    widths.push_back(tile);
  return widths;
}

bool fits(const AmxWork& work, const AmxTactic& t, const DeviceCaps& device) {
  return work.patchBytes(t) <= std::min(kPatchBytes, device.localMemory);
}

// The next larger value is not needed where one covers all there is.
bool needed(const std::vector<int>& values, int value, std::int64_t all) {
  for (const int smaller : values)
    if (smaller < value && smaller >= all) return false;
  return true;
}

}  // namespace

AmxWork::AmxWork(const Window& of) : window(of) {
  const bool flat = of.pointwise();
  h = flat ? 1 : of.in[1], w = flat ? of.inVolume() : of.in[2];
  oh = flat ? 1 : of.out[1], ow = flat ? of.outVolume() : of.out[2];
  stepY = of.kernel[1] == 1 ? of.stride[1] : 1;
  stepX = of.kernel[2] == 1 ? of.stride[2] : 1;
}

std::int64_t AmxWork::patchRows(const AmxTactic& t) const {
  return (std::min<std::int64_t>(t.rows, oh) - 1) * window.stride[1] / stepY + window.span(1);
}

std::int64_t AmxWork::span(const AmxTactic& t) const {
  const std::int64_t columns = roundUp(std::min(regionColumns(t), ow), std::int64_t{t.tile});
  return (columns - 1) * window.stride[2] / stepX + window.span(2);
}

std::size_t AmxWork::patchBytes(const AmxTactic& t) const {
  return static_cast<std::size_t>(depth() * patchRows(t) * span(t) * 64);
}

TacticSpace amxSpace(const AmxWork& work, const DeviceCaps& device) {
  TacticSpace space;
  space.parameters = {{"TILE", tileWidths(work)}, {"ROWS", kRows}, {"COLUMNS", kColumns}, {"PARTS", kParts}};
  require<AmxTactic>(space, "a region has more rows than the output",
                     [=](const AmxTactic& t) { return needed(kRows, t.rows, work.oh); });
  require<AmxTactic>(space, "a region is wider than the output", [=](const AmxTactic& t) {
    return needed(kColumns, t.columns, ceilDiv(work.ow, std::int64_t{t.tile}));
  });
  require<AmxTactic>(space, "there are more parts than tiles of channels",
                     [=](const AmxTactic& t) { return t.parts <= work.kTiles(); });
  require<AmxTactic>(space, "the input of a region does not fit beside weights in the second-level cache",
                     [=](const AmxTactic& t) { return fits(work, t, device); });
  return space;
}

// Per step of 64 channels two tiles of weights are loaded and as many of inputs, eight cycles each, beside
// four products, as many cycles as rows. Fitted to one core of an Emerald Rapids: fc6 of FCN-8s 2850 GOP/s,
// 3x3 256 to 256 at 56x56 2500, 1x1 64 to 256 400.
double amxCycles(const AmxWork& work, const AmxTactic& t, const DeviceCaps& device) {
  const auto steps = static_cast<double>(work.depth() * work.window.kernelVolume());
  const double tiles =
      static_cast<double>(std::min<std::int64_t>(t.rows, work.oh) *
                          ceilDiv(std::min(work.regionColumns(t), work.ow), std::int64_t{t.tile}));
  const double pairs = std::ceil(tiles / 2);
  const double products =
      pairs * steps * (std::max(2.0 * t.tile, 16.0 + t.tile) + 2.0 * t.tile * tiles / (2 * pairs) + 4);
  const double epilogue = tiles * 2 * t.tile * 14.0;
  const double weights = steps * 2048 / 12;  // from the third-level cache, once for a region
  const double copy = static_cast<double>(work.patchBytes(t)) / 16;
  const auto share = static_cast<double>(work.share(t));
  const double item = copy + share * (products + epilogue + weights) + 500;
  const double items =
      static_cast<double>(work.regions(t) * ceilDiv(work.kTiles(), work.share(t)) * work.window.batch);
  const double cores = std::max(device.computeUnits, 1);
  return item * std::ceil(items / cores) * cores;
}

AmxTactic amxFallback(const AmxWork& work, const DeviceCaps& device) {
  // Tiles that part a row evenly, or full ones.
  const int widest = static_cast<int>(std::min<std::int64_t>(16, work.ow));
  const int evenly = static_cast<int>(ceilDiv(work.ow, ceilDiv(work.ow, 16)));
  AmxTactic best;
  double least = std::numeric_limits<double>::max();
  for (const int tile : {evenly, widest})
    for (const int rows : kRows) {
      if (!needed(kRows, rows, work.oh)) break;
      for (const int columns : kColumns) {
        if (!needed(kColumns, columns, ceilDiv(work.ow, std::int64_t{tile}))) break;
        for (const int parts : kParts) {
          const AmxTactic t{tile, rows, columns, parts};
          if (parts > work.kTiles() || !fits(work, t, device)) break;
          const double cycles = amxCycles(work, t, device);
          if (cycles >= least) continue;
          least = cycles;
          best = t;
        }
      }
    }
  return best;
}

}  // namespace tessera
