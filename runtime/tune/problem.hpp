/// \file
/// Tuning problems: operators detached from a network, with operands made up for measuring and checking.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ops/operator.hpp"

namespace tessera {

/// `view` with every operand dense in its channel block.
OpView withDenseLayouts(OpView view);
/// As withDenseLayouts, and with standard scales of codes: where a slice lies in a larger
/// buffer, and what codes stand for, changes no tactic.
OpView denseView(OpView view);
/// As denseView, with every operand planar: the problem before layouts are chosen.
OpView planarView(OpView view);
/// `planar` in the channel blocks that `like` has, operand by operand.
OpView inBlocksOf(OpView planar, const OpView& like);

/// Empty, or why made-up operands would measure something else (indices, for example).
std::string whyNotMeasured(const OpView& view);
/// Planar values for every input; equal views give equal values.
std::vector<HostTensor> madeUpOperands(const OpView& view);
/// Multiply-adds, or elements moved, that the scalar reference spends.
double referenceWork(const OpView& view);

/// The same work on smaller extents and fewer channels, smallest first; ends with the problem itself where
/// its reference takes no longer than some 50 ms. Planar; empty where nothing is small enough.
std::vector<OpView> shrunken(const OpView& view);

/// Reads OpView::text(). Throws Error(BadCache) where it is not the text of an operator that exists.
OpView parseOpView(std::string_view text);

}  // namespace tessera
