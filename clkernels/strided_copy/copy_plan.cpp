// Moving operators as strided copies.
#include "clkernels/strided_copy/copy_plan.hpp"

#include <algorithm>

#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

using Copies = std::vector<StridedCopy>;

[[noreturn]] void decline(const std::string& why) { throw Error(ErrorCode::Unsupported, why); }

void wantPlanar(const OpView& op) {
  if (const Verdict verdict = allPlanar(op); !verdict) decline(verdict.why);
}

StridedCopy between(const OpView& op, int input = 0) {
  return {input, op.inputs[input].layout.offset, op.outputs[0].layout.offset, {}};
}

/// Loops of a tensor that is moved as it lies: N, channel blocks, then the rest of an item in one run per
/// block, which `spatial` splits. Strides of channel blocks and of positions within a plane differ between
/// source and target.
struct BlockedLoops {
  std::int64_t block, blockStrideX, blockStrideY;
  BlockedLoops(const TensorDesc& x, const TensorDesc& y) : block(y.layout.block) {
    if (x.layout.block != y.layout.block) decline("operands differ in channel block");
    blockStrideX = planeSize(x) * block;
    blockStrideY = planeSize(y) * block;
  }
};

Copies transpose(const OpView& op) {
  wantPlanar(op);
  StridedCopy copy = between(op);
  const auto xs = planarStrides(op.inputs[0]), ys = planarStrides(op.outputs[0]);
  const std::size_t rank = xs.size();
  const auto perm = op.attrs.integers("perm");
  for (std::size_t d = 0; d < rank; ++d)
    copy.dims.push_back({op.outputs[0].shape[d], xs[op.attrs.has("perm") ? perm[d] : rank - 1 - d], ys[d]});
  return {copy};
}

/// `count` channels from channel `from` of x to channel `to` of y, and in every other extent the rectangle of
/// y's (or x's) size that begins at `starts` of x; spatial steps may differ from 1.
StridedCopy rectangle(const TensorDesc& x, const TensorDesc& y, const Shape& sizes, const Shape& starts,
                      const Shape& targets, const Shape& steps) {
  StridedCopy copy{0, x.layout.offset, y.layout.offset, {}};
  const auto xs = planarStrides(x), ys = planarStrides(y);
  const std::int64_t block = y.layout.block;
  if (block == 1 && x.layout.block == 1) {
    for (std::size_t d = 0; d < sizes.size(); ++d) {
      copy.xOffset += starts[d] * xs[d];
      copy.yOffset += targets[d] * ys[d];
      copy.dims.push_back({sizes[d], steps[d] * xs[d], ys[d]});
    }
    return copy;
  }
  const BlockedLoops loops(x, y);
  if (starts[1] % block || targets[1] % block || steps[1] != 1)
    decline("channels do not begin at a whole block");
  const bool xEnds = starts[1] + sizes[1] == x.shape[1], yEnds = targets[1] + sizes[1] == y.shape[1];
  if (sizes[1] % block && !(xEnds && yEnds)) decline("channels do not end with a whole block");
  copy.xOffset += starts[0] * xs[0] + starts[1] / block * loops.blockStrideX;
  copy.yOffset += targets[0] * ys[0] + targets[1] / block * loops.blockStrideY;
  copy.dims = {{sizes[0], steps[0] * xs[0], ys[0]},
               {ceilDiv(sizes[1], block), loops.blockStrideX, loops.blockStrideY}};
  for (std::size_t d = 2; d < sizes.size(); ++d) {
    copy.xOffset += starts[d] * xs[d] * block;
    copy.yOffset += targets[d] * ys[d] * block;
    copy.dims.push_back({sizes[d], steps[d] * xs[d] * block, ys[d] * block});
  }
  copy.dims.push_back({block, 1, 1});
  return copy;
}

Copies slice(const OpView& op) {
  const std::size_t rank = op.inputs[0].shape.size();
  return {rectangle(op.inputs[0], op.outputs[0], op.outputs[0].shape, op.attrs.integers("starts"),
                    Shape(rank, 0), op.attrs.integers("steps", Shape(rank, 1)))};
}

Copies identity(const OpView& op) {
  const std::size_t rank = op.inputs[0].shape.size();
  return {rectangle(op.inputs[0], op.outputs[0], op.inputs[0].shape, Shape(rank, 0), Shape(rank, 0),
                    Shape(rank, 1))};
}

Copies concat(const OpView& op) {
  const std::size_t rank = op.outputs[0].shape.size();
  const auto axis = normalAxis(op.attrs.integer("axis"), rank);
  Copies copies;
  Shape targets(rank, 0);
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const TensorDesc& x = op.inputs[i];
    StridedCopy copy = rectangle(x, op.outputs[0], x.shape, Shape(rank, 0), targets, Shape(rank, 1));
    copy.input = static_cast<int>(i);
    targets[axis] += x.shape[axis];
    copies.push_back(std::move(copy));
  }
  return copies;
}

Copies expand(const OpView& op) {
  wantPlanar(op);
  StridedCopy copy = between(op);
  const TensorDesc &x = op.inputs[0], &y = op.outputs[0];
  const auto xs = planarStrides(x), ys = planarStrides(y);
  const std::size_t missing = y.shape.size() - x.shape.size();
  for (std::size_t d = 0; d < y.shape.size(); ++d)
    copy.dims.push_back({y.shape[d], d < missing || x.shape[d - missing] == 1 ? 0 : xs[d - missing], ys[d]});
  return {copy};
}

Copies tile(const OpView& op) {
  wantPlanar(op);
  StridedCopy copy = between(op);
  const TensorDesc& x = op.inputs[0];
  const auto xs = planarStrides(x), ys = planarStrides(op.outputs[0]);
  const auto repeats = op.attrs.integers("repeats");
  for (std::size_t d = 0; d < xs.size(); ++d) {
    copy.dims.push_back({repeats[d], 0, ys[d] * x.shape[d]});
    copy.dims.push_back({x.shape[d], xs[d], ys[d]});
  }
  return {copy};
}

/// DepthToSpace and, with source and target exchanged, SpaceToDepth: `deep` has the many channels.
Copies blocksAndSpace(const OpView& op, const TensorDesc& deep, const TensorDesc& wide, bool crd,
                      bool toSpace) {
  wantPlanar(op);
  StridedCopy copy = between(op);
  const std::int64_t b = op.attrs.integer("block", 1), channels = wide.shape[1];
  const auto ds = planarStrides(deep), ws = planarStrides(wide);
  const std::int64_t channelStep = ds[1] * (crd ? b * b : 1), blockStep = ds[1] * (crd ? 1 : channels);
  const auto add = [&](std::int64_t extent, std::int64_t deepStride, std::int64_t wideStride) {
    copy.dims.push_back({extent, toSpace ? deepStride : wideStride, toSpace ? wideStride : deepStride});
  };
  add(wide.shape[0], ds[0], ws[0]);
  if (!toSpace) {  // the target's order: its channels hold (by, bx, c)
    add(b, blockStep * b, ws[2]);
    add(b, blockStep, ws[3]);
  }
  add(channels, channelStep, ws[1]);
  add(deep.shape[2], ds[2], ws[2] * b);
  if (toSpace) add(b, blockStep * b, ws[2]);
  add(deep.shape[3], ds[3], ws[3] * b);
  if (toSpace) add(b, blockStep, ws[3]);
  return {copy};
}

Copies channelShuffle(const OpView& op) {
  wantPlanar(op);
  StridedCopy copy = between(op);
  const TensorDesc& x = op.inputs[0];
  const std::int64_t group = op.attrs.integer("group", 1), perGroup = x.shape[1] / group,
                     plane = planeSize(x);
  copy.dims = {{x.shape[0], x.batchStride(), op.outputs[0].batchStride()},
               {perGroup, plane, plane * group},
               {group, plane * perGroup, plane},
               {plane, 1, 1}};
  return {copy};
}

}  // namespace

std::vector<StridedCopy> stridedCopies(const OpView& op) {
  Copies copies;
  if (op.op == "Transpose")
    copies = transpose(op);
  else if (op.op == "Slice")
    copies = slice(op);
  else if (op.op == "Concat")
    copies = concat(op);
  else if (op.op == "Expand")
    copies = expand(op);
  else if (op.op == "Tile")
    copies = tile(op);
  else if (op.op == "DepthToSpace")
    copies = blocksAndSpace(op, op.inputs[0], op.outputs[0], op.attrs.string("mode", "DCR") == "CRD", true);
  else if (op.op == "SpaceToDepth")
    copies = blocksAndSpace(op, op.outputs[0], op.inputs[0], false, false);
  else if (op.op == "ChannelShuffle")
    copies = channelShuffle(op);
  else
    copies = identity(op);
  for (StridedCopy& copy : copies) {
    copy.merge();
    if (copy.dims.size() > 8) decline("it takes more than eight nested loops");
  }
  return copies;
}

}  // namespace tessera
