/// \file
/// Whether a device has room for a network at all.
#pragma once

#include "lower/step.hpp"
#include "tessera/device.hpp"
#include "tessera/graph.hpp"

namespace tessera {

/// Before anything is tuned or allocated: throws Error(OutOfMemory) that names the tensor where inputs,
/// outputs and the largest tensor between them alone need more than the device has.
void requireMemory(const Graph& graph, const DeviceCaps& device);

/// With a memory plan: throws Error(OutOfMemory) where all buffers together need more than the device has.
void requireMemory(const Lowered& lowered, const DeviceCaps& device);

}  // namespace tessera
