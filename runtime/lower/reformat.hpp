/// \file
/// Bringing a tensor from one channel block to another.
#pragma once

#include "clkernels/family.hpp"

namespace tessera {

/// The first family that runs `view`; null where none does.
const KernelFamily* familyFor(const OpView& view, const DeviceCaps& device);

/// The Reformat of a dense tensor between blocks of `from` and `to` channels.
OpView reformatView(const TensorDesc& tensor, int from, int to);

/// Whether a dense tensor lies alike in memory in both: one position and whole blocks, as after global
/// pooling.
bool sameOrder(const TensorDesc& tensor, int from, int to);

}  // namespace tessera
