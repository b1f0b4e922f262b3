/// \file
/// Half precision for layers of a graph.
#pragma once

#include <string>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// Keeps what the layers for which `wanted` is set read and write in half precision; inputs and outputs of
/// the network stay f32, and casts stand where precisions meet. `whyNot`: per layer, why it stays in fp32 all
/// the same; empty for those in half.
Graph toHalf(const Graph& from, const std::vector<bool>& wanted, std::vector<std::string>& whyNot);

}  // namespace tessera
