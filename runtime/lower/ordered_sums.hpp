/// \file
/// Networks whose results are the same bits on every device (docs/numerics.md).
#pragma once

#include "tessera/graph.hpp"

namespace tessera {

/// Lets every layer that sums floats do so in the defined order. Throws Error(Unsupported) that lists the
/// layers whose results are up to the device's library (Sin, Pow, ..).
void sumInOrder(Graph& graph);

}  // namespace tessera
