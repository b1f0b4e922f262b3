/// \file
/// Tactics of q_conv_amx: how the output is cut into regions, and these into tiles.
#pragma once

#include "clkernels/common/finish.hpp"

namespace tessera {

/// Pixels of a tile of sums; the region of a work-item, in output rows and in tiles along a row; parts that
/// the output channels are dealt to.
struct AmxTactic {
  int tile = 16, rows = 1, columns = 1, parts = 1;
  static constexpr auto fields() {
    using T = AmxTactic;
    return std::tuple{Field<T>{"TILE", &T::tile}, Field<T>{"ROWS", &T::rows},
                      Field<T>{"COLUMNS", &T::columns}, Field<T>{"PARTS", &T::parts}};
  }
};

/// A convolution as the kernel sees it: a 1x1 of stride 1 is one row of pixels.
struct AmxWork {
  explicit AmxWork(const Window& window);

  Window window;
  std::int64_t h, w, oh, ow;
  std::int64_t stepY, stepX;  ///< between the rows and columns that a patch keeps
  std::int64_t depth() const { return ceilDiv(window.channels, 64); }      ///< blocks of 64 input channels
  std::int64_t kTiles() const { return ceilDiv(window.outChannels, 32); }  ///< of 32 output channels

  std::int64_t share(const AmxTactic& t) const { return ceilDiv(kTiles(), t.parts); }
  std::int64_t regionColumns(const AmxTactic& t) const { return std::int64_t{t.tile} * t.columns; }
  std::int64_t regions(const AmxTactic& t) const {
    return ceilDiv(oh, std::int64_t{t.rows}) * ceilDiv(ow, regionColumns(t));
  }
  std::int64_t patchRows(const AmxTactic& t) const;
  std::int64_t span(const AmxTactic& t) const;
  std::size_t patchBytes(const AmxTactic& t) const;
};

TacticSpace amxSpace(const AmxWork& work, const DeviceCaps& device);
AmxTactic amxFallback(const AmxWork& work, const DeviceCaps& device);
/// Cycles of one core that a tactic takes on a device, spread over its cores.
double amxCycles(const AmxWork& work, const AmxTactic& tactic, const DeviceCaps& device);

}  // namespace tessera
