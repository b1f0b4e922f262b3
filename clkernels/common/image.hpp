/// \file
/// Host side of common/index.cl: what naive families ask of images, and the arguments they pass.
#pragma once

#include <algorithm>

#include "clkernels/common/work_size.hpp"
#include "clkernels/family.hpp"
#include "ops/geometry.hpp"

namespace tessera {

/// Channels with the last block's padding lanes.
inline std::int64_t paddedChannelCount(const TensorDesc& t) { return roundUp(t.shape[1], t.layout.block); }
/// Product of the extents after N and C.
std::int64_t planeSize(const TensorDesc& t);

/// Appends offset and batch stride.
void addLayoutArgs(std::vector<KernelArg>& args, const TensorDesc& t);
/// Appends depth, height and width.
void addExtentArgs(std::vector<KernelArg>& args, const Extents& extents);

inline void addDefine(Defines& defines, const char* name, std::int64_t value) {
  defines.emplace_back(name, std::to_string(value));
}
/// Elements per vector that divide a channel block, at most 16: P_WIDTH of kernels that work on whole lanes.
inline int laneWidth(const TensorDesc& t) { return std::min(t.layout.block, 16); }

/// Whether inputs `inputs` and output 0 are all f32 or all f16.
Verdict sameFloatType(const OpView& op, std::initializer_list<int> inputs);
/// Whether `inputs`, where present, are f32: places, parameters.
Verdict inF32(const OpView& op, std::initializer_list<int> inputs);
/// The same, and dense and planar.
Verdict denseF32(const OpView& op, std::initializer_list<int> inputs);
/// Whether every present operand is planar.
Verdict allPlanar(const OpView& op);
/// Whether input 0 and the output have the same block.
Verdict sameBlock(const OpView& op);
/// Input 0 and the outputs in each of `blocks`, the other inputs planar.
std::vector<BlockChoice> firstInBlocks(const OpView& op, std::initializer_list<int> blocks);
/// The first refusal, or yes.
Verdict allOf(std::initializer_list<Verdict> verdicts);

}  // namespace tessera
