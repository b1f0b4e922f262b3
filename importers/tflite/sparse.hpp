/// \file
/// Constants that TensorFlow Lite stores without their zeros.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tessera/tensor.hpp"
#include "tflite/schema_generated.h"

namespace tessera::tflite {

/// All elements of `shape`, of `width` bytes each: zeros, and `values` where `sparsity` places them. Throws
/// Error(BadModel) where the two contradict each other.
std::vector<std::uint8_t> densified(const tessera_tflite::SparsityParameters& sparsity, const Shape& shape,
                                    std::span<const std::uint8_t> values, std::size_t width);

}  // namespace tessera::tflite
