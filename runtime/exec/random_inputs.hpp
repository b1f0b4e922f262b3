/// \file
/// Inputs of a network made up from a seed: the same on every machine.
#pragma once

#include <cstdint>

#include "tessera/context.hpp"
#include "tessera/engine.hpp"

namespace tessera {

/// Floats in -1..1, codes, pixels, or 0 and 1 where an input may be indices.
TensorMap randomInputs(const Engine& engine, std::uint32_t seed);

}  // namespace tessera
