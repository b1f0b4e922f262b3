/// \file
/// Host side of common/rows.cl: kept and reduced extents of a tensor in its layout, work-group shapes.
#pragma once

#include <array>

#include "clkernels/common/image.hpp"
#include "ops/ordered.hpp"

namespace tessera {

/// Up to three kept and three reduced extents, outermost first, with strides in x and y. Unused ones are 1.
struct Rows {
  std::array<std::int64_t, 3> keep{1, 1, 1}, reduce{1, 1, 1};
  std::array<std::int64_t, 3> xKeep{}, xReduce{}, yKeep{}, yReduce{};
  std::int64_t rows = 1, length = 1;
  /// Elements of a row that exist in memory: more than length where the reduced channels have padding lanes.
  std::int64_t storedLength = 1;
  /// A row's channel is row / rowInner % rowChannels where channels are kept (padding lanes counted); those
  /// from `channels` on are padding. All 1 where channels are reduced.
  std::int64_t rowInner = 1, rowChannels = 1, channels = 1;
  bool fits = true;  ///< false: more alternations of kept and reduced extents than three each
};

/// Rows of x along its `axes` (reducedAxes). y has x's shape, or with `reduced` extents 1 along the axes.
/// A blocked channel extent becomes two: blocks and lanes. Kept padding lanes count as rows.
Rows rowsOf(const TensorDesc& x, const TensorDesc& y, const std::vector<std::int64_t>& axes);

/// Work-items of a row whose sums have a defined order.
inline constexpr int kOrderedLanes = 16;

/// Tunables of row kernels.
struct RowTactic {
  int LANES = 1, ROWS = 1;
  static constexpr auto fields() {
    return std::make_tuple(Field<RowTactic>{"LANES", &RowTactic::LANES},
                           Field<RowTactic>{"ROWS", &RowTactic::ROWS});
  }
};
/// Where sums are to be in a defined order, which lanes give, rows have kOrderedLanes.
TacticSpace rowSpace(const Problem& p, const DeviceCaps& device);
/// Lanes for long rows on GPUs, one work-item per row else.
Tactic rowFallback(const Problem& p, std::int64_t rows, std::int64_t length, const DeviceCaps& device);
/// The scratch of row reductions.
KernelArg rowScratch(const Tactic& tactic);
/// Appends ROW_PARAMETERS.
void addRowArgs(std::vector<KernelArg>& args, const Rows& rows, const OpView& op, const Tactic& tactic);
/// Sets the range and adds T_LANES and T_ROWS.
void setRowRange(KernelCall& call, std::int64_t rows, const Tactic& tactic);

/// A family whose kernels take input 0 in rows along the operator's axes; planar or blocked alike.
class RowFamily : public KernelFamily {
 public:
  /// Planar where sums are to be in a defined order: elements of a row are counted in its layout.
  int channelBlock(const OpView& op, const DeviceCaps&) const final { return sumsInOrder(op) ? 1 : 0; }
  Verdict applies(const OpView& op, const DeviceCaps& device) const override;
  TacticSpace space(const Problem& p, const DeviceCaps& device) const final { return rowSpace(p, device); }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const final;

 protected:
  /// Floats of one type, unless a family takes others, too.
  virtual Verdict takesTypes(const OpView& op) const;
  /// Finishes a call that has its own defines and arguments: P_TYPE, range, and ROW_PARAMETERS.
  static Launch launchRows(KernelCall call, const Problem& p, const Tactic& tactic);
};

}  // namespace tessera
