/// \file
/// What conv_depthwise and q_conv_depthwise share: tactics, packed weights, work size and extents.
#pragma once

#include "clkernels/conv_direct/tile.hpp"

namespace tessera {

/// Outputs of a row in registers; rows a work-item takes.
struct DepthwiseTactic {
  int tx = 8, rows = 1;
  static constexpr auto fields() {
    using T = DepthwiseTactic;
    return std::tuple{Field<T>{"TX", &T::tx}, Field<T>{"ROWS", &T::rows}};
  }
};

TacticSpace depthwiseSpace(const Window& w);
DepthwiseTactic depthwiseFallback(const Window& w, const DeviceCaps& device);

/// Sets T_TX, P_STEP and the work size.
void setDepthwiseTile(KernelCall& call, const Window& w, const DepthwiseTactic& t);
/// Appends channels, extents, strides, dilations, pads and rows.
void addDepthwiseArgs(std::vector<KernelArg>& args, const Window& w, const DepthwiseTactic& t);

/// Operations of a depthwise convolution, at the share of the peak that both families reach.
Cost depthwiseCost(const Problem& p, Cost operands);

/// [C / 16][KH][KW][16], then 16 zeros.
template <class T>
PackedConstant packDepthwise(const Window& w, DataType type) {
  return {"depthwise", [w, type](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<T>();
            const std::int64_t taps = w.kernelVolume();
            HostTensor packed(type, {ceilDiv(w.channels, 16) * taps + 1, 16});
            const auto to = packed.as<T>();
            for (std::int64_t c = 0; c < w.channels; ++c)
              for (std::int64_t tap = 0; tap < taps; ++tap)
                to[(c / 16 * taps + tap) * 16 + c % 16] = from[c * taps + tap];
            return packed;
          }};
}

}  // namespace tessera
