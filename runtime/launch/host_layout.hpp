/// \file
/// Moving tensors between planar host memory and a device layout, element by element (tests, bindings,
/// constants).
#pragma once

#include <span>
#include <vector>

#include "tessera/tensor.hpp"

namespace tessera {

/// Elements a buffer must hold so that `desc` fits, its offset included.
std::int64_t bufferElements(const TensorDesc& desc);

/// Index of a planar element in the layout.
std::int64_t layoutIndex(const TensorDesc& desc, std::int64_t planarIndex);

/// Buffer indices of the last channel block's unused lanes, which must hold zeros; empty for planar tensors.
std::vector<std::int64_t> paddingLanes(const TensorDesc& desc);

/// Writes a planar tensor into `buffer` (bytes of bufferElements) in the layout; padding lanes become zero,
/// the rest stays.
void toLayout(const TensorDesc& desc, const HostTensor& planar, std::span<std::byte> buffer);

/// Reads a planar tensor out of a buffer in the layout.
HostTensor fromLayout(const TensorDesc& desc, std::span<const std::byte> buffer);

}  // namespace tessera
