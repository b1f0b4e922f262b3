/// \file
/// What families that read images at places given by another input share.
#pragma once

#include "clkernels/common/image.hpp"

namespace tessera {

/// Input 0 and the output are floats of one type, planar or in blocks alike; input 1 holds the places: f32,
/// planar.
class SamplingFamily : public KernelFamily {
 public:
  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const final {
    return firstInBlocks(op, {16, 1});
  }
  Verdict applies(const OpView& op, const DeviceCaps&) const final {
    if (op.inputs[1].layout.block != 1) return Verdict::no("the places are blocked");
    return allOf({inF32(op, {1}), sameFloatType(op, {0}), sameBlock(op)});
  }
};

}  // namespace tessera
