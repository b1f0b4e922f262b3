/// \file
/// Indices that a model holds as constants: kernels clamp those that are computed, but a known one outside
/// its extent is a fault of the model.
#pragma once

#include "importers/common/layer_maker.hpp"

namespace tessera {

/// Index i of a known tensor counts along `extents[i % extents.size()]`; with `fromEnd` negative ones count
/// from the end. Throws Error(BadModel) that names the index; does nothing where indices are computed.
void wantIndicesWithin(const LayerMaker& node, TensorId indices, const Shape& extents, bool fromEnd);

/// The same of rows of indices (the last axis), which count along the extents of `x` from axis `first` on.
void wantRowsWithin(const LayerMaker& node, TensorId indices, const Shape& x, std::size_t first,
                    bool fromEnd);

}  // namespace tessera
