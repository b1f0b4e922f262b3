// Kept and reduced extents, work-group shapes.
#include "clkernels/common/rows.hpp"

#include <algorithm>

#include "ops/axes.hpp"

namespace tessera {
namespace {

/// One extent in memory.
struct Axis {
  std::int64_t extent, xStride, yStride;
  bool reduced;
};

/// The extents of x, outermost first; blocked channels as blocks, then lanes.
std::vector<Axis> axesOf(const TensorDesc& x, const TensorDesc& y, const std::vector<std::int64_t>& reduced) {
  std::vector<Axis> axes;
  const int block = x.layout.block;
  std::int64_t xStride = block, yStride = block;
  for (std::size_t d = x.shape.size(); d-- > 0;) {
    const bool isReduced = std::ranges::find(reduced, static_cast<std::int64_t>(d)) != reduced.end();
    const bool outermost = d == 0 && x.shape.size() > 1;
    if (d == 1 && block > 1) {
      axes.push_back({block, 1, 1, isReduced});
      axes.push_back({ceilDiv(x.shape[1], block), xStride, yStride, isReduced});
    } else {
      axes.push_back({x.shape[d], outermost ? x.batchStride() : xStride,
                      outermost ? y.batchStride() : yStride, isReduced});
      xStride *= x.shape[d];
      yStride *= y.shape[d];
    }
  }
  std::ranges::reverse(axes);
  return axes;
}

/// Joins neighbours of one kind that lie in memory as one extent would.
std::vector<Axis> merged(const std::vector<Axis>& axes) {
  std::vector<Axis> out;
  for (const Axis& axis : axes) {
    if (axis.extent == 1) continue;
    Axis* outer = out.empty() ? nullptr : &out.back();
    if (outer && outer->reduced == axis.reduced && outer->xStride == axis.extent * axis.xStride &&
        outer->yStride == axis.extent * axis.yStride)
      *outer = {outer->extent * axis.extent, axis.xStride, axis.yStride, axis.reduced};
    else
      out.push_back(axis);
  }
  return out;
}

}  // namespace

Rows rowsOf(const TensorDesc& x, const TensorDesc& y, const std::vector<std::int64_t>& reduced) {
  Rows rows;
  const auto isReduced = [&](std::int64_t d) { return std::ranges::find(reduced, d) != reduced.end(); };
  for (const std::int64_t d : reduced) rows.length *= x.shape[d];
  const std::vector<Axis> axes = merged(axesOf(x, y, reduced));
  int keep = 3, reduce = 3;  // filled from the innermost
  for (std::size_t i = axes.size(); i-- > 0;) {
    const Axis& axis = axes[i];
    int& slot = axis.reduced ? reduce : keep;
    if (--slot < 0) {
      rows.fits = false;
      return rows;
    }
    (axis.reduced ? rows.reduce : rows.keep)[slot] = axis.extent;
    (axis.reduced ? rows.xReduce : rows.xKeep)[slot] = axis.xStride;
    (axis.reduced ? rows.yReduce : rows.yKeep)[slot] = axis.yStride;
  }
  if (x.shape.size() > 1 && !isReduced(1)) {
    rows.channels = x.shape[1];
    rows.rowChannels = paddedChannelCount(x);
    for (std::size_t d = 2; d < x.shape.size(); ++d)
      if (!isReduced(static_cast<std::int64_t>(d))) rows.rowInner *= x.shape[d];
  }
  rows.rows = rows.keep[0] * rows.keep[1] * rows.keep[2];
  rows.storedLength = rows.reduce[0] * rows.reduce[1] * rows.reduce[2];
  // Padding lanes must come last in a row; reduced items around reduced channels would put some in the
  // middle.
  if (rows.storedLength != rows.length && isReduced(0) && x.shape[0] > 1) rows.fits = false;
  return rows;
}

KernelArg rowScratch(const Tactic& tactic) {
  return KernelArg::local(static_cast<std::size_t>(tactic.get("LANES")) * tactic.get("ROWS") *
                          sizeof(std::int64_t));
}

void addRowArgs(std::vector<KernelArg>& args, const Rows& rows, const OpView& op, const Tactic& tactic) {
  args.push_back(rowScratch(tactic));
  const auto add = [&](std::int64_t value) { args.push_back(KernelArg::ofInt(value)); };
  for (const std::int64_t value : {rows.rows, rows.length, rows.storedLength, rows.rowInner, rows.rowChannels,
                                   rows.channels, rows.keep[1], rows.keep[2], rows.reduce[1], rows.reduce[2]})
    add(value);
  add(op.inputs[0].layout.offset);
  for (const auto* strides : {&rows.xKeep, &rows.xReduce})
    for (const std::int64_t stride : *strides) add(stride);
  add(op.outputs[0].layout.offset);
  for (const auto* strides : {&rows.yKeep, &rows.yReduce})
    for (const std::int64_t stride : *strides) add(stride);
}

TacticSpace rowSpace(const Problem& p, const DeviceCaps& device) {
  TacticSpace space;
  space.parameters = {{"LANES", {1, 32, 128, 256}}, {"ROWS", {1, 4, 16, 64}}};
  if (sumsInOrder(p)) space.parameters.front().values = {kOrderedLanes};
  space.constraints = {{"the work-group is larger than the device allows",
                        [limit = device.maxWorkGroup](const Tactic& t) {
                          return static_cast<std::size_t>(t.get("LANES") * t.get("ROWS")) <= limit;
                        }},
                       {"an extent of the work-group is larger than the device allows",
                        [x = device.maxWorkItem[0], y = device.maxWorkItem[1]](const Tactic& t) {
                          return static_cast<std::size_t>(t.get("LANES")) <= x &&
                                 static_cast<std::size_t>(t.get("ROWS")) <= y;
                        }},
                       {"the scratch exceeds local memory", [limit = device.localMemory](const Tactic& t) {
                          return t.get("LANES") * t.get("ROWS") * sizeof(std::int64_t) <= limit;
                        }}};
  return space;
}

Tactic rowFallback(const Problem& p, std::int64_t rows, std::int64_t length, const DeviceCaps& device) {
  const TacticSpace space = rowSpace(p, device);
  if (sumsInOrder(p)) return toTactic(RowTactic{kOrderedLanes, 1});
  RowTactic wanted{1, device.isCpu() ? 16 : 64};
  if (!device.isCpu() && length >= 32 && rows < 65536)
    wanted = length >= 512 ? RowTactic{128, 1} : RowTactic{32, 4};
  if (const Tactic tactic = toTactic(wanted); space.contains(tactic)) return tactic;
  return toTactic(RowTactic{1, 1});
}

void setRowRange(KernelCall& call, std::int64_t rows, const Tactic& tactic) {
  const auto shape = fromTactic<RowTactic>(tactic);
  for (auto& define : tacticDefines(tactic)) call.defines.push_back(std::move(define));
  call.global = {static_cast<std::size_t>(shape.LANES), static_cast<std::size_t>(roundUp(rows, shape.ROWS))};
  call.local = {static_cast<std::size_t>(shape.LANES), static_cast<std::size_t>(shape.ROWS)};
}

Verdict RowFamily::applies(const OpView& op, const DeviceCaps&) const {
  if (!rowsOf(op.inputs[0], op.outputs[0], reducedAxes(op)).fits)
    return Verdict::no("the extents do not form rows");
  if (sumsInOrder(op) && op.inputs[0].layout.block != 1) return Verdict::no("sums in order are planar");
  return allOf({takesTypes(op), sameBlock(op)});
}

Verdict RowFamily::takesTypes(const OpView& op) const { return sameFloatType(op, {0}); }

Tactic RowFamily::fallback(const Problem& p, const DeviceCaps& device) const {
  const Rows rows = rowsOf(p.inputs[0], p.outputs[0], reducedAxes(p));
  return rowFallback(p, rows.rows, rows.length, device);
}

Launch RowFamily::launchRows(KernelCall call, const Problem& p, const Tactic& tactic) {
  const Rows rows = rowsOf(p.inputs[0], p.outputs[0], reducedAxes(p));
  call.defines.emplace_back("P_TYPE", clType(p.inputs[0].type));
  setRowRange(call, rows.rows, tactic);
  addRowArgs(call.args, rows, p, tactic);
  return {{std::move(call)}, {}, {}};
}

}  // namespace tessera
