/// \file
/// Host side of conv_planar/planar_tile.cl: what its families share.
#pragma once

#include "clkernels/common/finish.hpp"

namespace tessera {

/// By how much the pixels' codes that the tile multiplies are too large: the bias of vpdpbusd and the zero
/// point.
inline std::int32_t planarExcess(const OpView& op) {
  return static_cast<std::int32_t>(128 + op.attrs.integer("x_zero"));
}
/// Input channels that a step of the tile takes.
inline std::int64_t planarDepth(bool codes) { return codes ? 4 : 1; }
/// Whether the device's codes are worth putting side by side.
inline Verdict takesPlanarCodes(const DeviceCaps& device) {
  if (device.dot4 == Dot4Body::Vnni) return Verdict::yes();
  return Verdict::no("it pays where one instruction adds four products of codes (AVX-512 VNNI)");
}
/// Appends P_ZERO.
inline void addPlanarDefines(Defines& defines, const OpView& op) {
  defines.emplace_back("P_ZERO", std::to_string(op.attrs.integer("x_zero") & 0xff));
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
