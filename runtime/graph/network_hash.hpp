/// \file
/// What tells networks apart, whatever batch and image size they were imported for.
#pragma once

#include "tessera/graph.hpp"

namespace tessera {

/// Hash of a network's structure and weights; keys calibration caches. Shapes of activations do not count,
/// nor attributes that hold them, nor constants that are neither weights nor one value per channel.
std::uint64_t networkHash(const Graph& graph);

}  // namespace tessera
