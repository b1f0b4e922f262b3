/// \file
/// Host side of pool_planar/window_rows.cl: what families that pool planar tensors on CPUs, 16 outputs at a
/// time, share.
#pragma once

#include "clkernels/common/image.hpp"

namespace tessera {

/// Outputs [from, to) of a row: their windows lie inside the image from their first to their last column.
struct PlanarInterior {
  std::int64_t from = 0, to = 0;
  explicit PlanarInterior(const Window& w) {
    from = ceilDiv(w.padBegin[2], w.stride[2]);
    const std::int64_t room = w.in[2] + w.padBegin[2] - w.span(2);
    to = room < 0 ? 0 : std::min(w.out[2], room / w.stride[2] + 1);
  }
};

/// Whether a row has a vector of outputs whose windows lie inside, with few enough taps to unroll, on a CPU
/// whose compiler makes vectors of 16.
inline Verdict planarWindowApplies(const Window& w, const DeviceCaps& device) {
  if (!device.isCpu() || device.platform == "rusticl")
    return Verdict::no("it is written for CPUs whose compiler makes vectors of float16");
  if (w.rank > 2) return Verdict::no("it has a third spatial extent");
  if (w.kernel[2] > 16) return Verdict::no("more than 16 taps of a row to unroll");
  if (const PlanarInterior interior(w); interior.to - interior.from < 16)
    return Verdict::no("a row has fewer than 16 outputs whose windows lie inside the image");
  return Verdict::yes();
}

/// Sets P_KH, P_KW, P_SX, P_DX and the range, and appends the arguments from inH to rows.
inline void addPlanarWindow(KernelCall& call, const Window& w, bool countPads, const DeviceCaps& device) {
  addDefine(call.defines, "P_KH", w.kernel[1]);
  addDefine(call.defines, "P_KW", w.kernel[2]);
  addDefine(call.defines, "P_SX", w.stride[2]);
  addDefine(call.defines, "P_DX", w.dilation[2]);
  // Enough work-items to keep every core busy to the end.
  const std::int64_t planes = w.channels * w.batch;
  const std::int64_t rows = std::clamp<std::int64_t>(
      w.out[1] * planes / (16 * std::int64_t{std::max(device.computeUnits, 1)}), 1, w.out[1]);
  call.global = {static_cast<std::size_t>(ceilDiv(w.out[1], rows)), static_cast<std::size_t>(w.channels),
                 static_cast<std::size_t>(w.batch)};
  call.local = {1, 1, 1};
  const PlanarInterior interior(w);
  for (const std::int64_t value :
       {w.in[1], w.in[2], w.out[1], w.out[2], w.stride[1], w.dilation[1], w.padBegin[1], w.padBegin[2],
        w.padEnd[1], w.padEnd[2], std::int64_t{countPads}, interior.from, interior.to, rows})
    call.args.push_back(KernelArg::ofInt(value));
}

}  // namespace tessera
