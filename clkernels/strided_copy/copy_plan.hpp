/// \file
/// Moving operators as strided copies.
#pragma once

#include "clkernels/common/strided.hpp"

namespace tessera {

/// The copies that an operator is made of; throws Error(Unsupported) with the reason where it is none.
/// Serves Transpose, Slice, Concat, Expand, Tile, DepthToSpace, SpaceToDepth, ChannelShuffle, Identity,
/// Dropout.
std::vector<StridedCopy> stridedCopies(const OpView& op);

}  // namespace tessera
