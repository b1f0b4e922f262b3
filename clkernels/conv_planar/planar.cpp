#include "clkernels/conv_planar/planar.hpp"

#include <algorithm>

#include "clkernels/common/image.hpp"

namespace tessera {

Verdict planarApplies(const OpView& op, const DeviceCaps& device, bool codes) {
  if (const Verdict verdict = finishApplies(op, device, codes); !verdict) return verdict;
  if (codes && device.dot4 != Dot4Body::Vnni)
    return Verdict::no("it pays where one instruction adds four products of codes (AVX-512 VNNI)");
  return allPlanar(op);
}

std::int64_t planarItemsWanted(std::int64_t others, const DeviceCaps& device) {
  return ceilDiv(8 * std::int64_t{std::max(device.computeUnits, 1)}, others);
}

double planarEfficiency(std::int64_t outputs, std::int64_t channels, bool codes, double steps) {
  const std::int64_t depth = planarDepth(codes);
  const double useful = static_cast<double>(outputs) / 16 * static_cast<double>(channels) /
                        static_cast<double>(ceilDiv(channels, depth) * depth);
  return static_cast<double>(depth) * std::min(0.72, 0.72 * useful / steps);
}

}  // namespace tessera
