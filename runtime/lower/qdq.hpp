/// \file
/// Models that carry their own scales as QuantizeLinear / DequantizeLinear pairs.
#pragma once

#include <optional>

#include "tessera/calibration.hpp"

namespace tessera {

/// Takes the pairs out of an imported graph: activations lose theirs, coded weights become floats, and the
/// scales go into the calibration returned. Symmetric i8, and u8 around 128, map exactly; u8 with zero point
/// 0 maps to the symmetric scale that covers its range. None where the graph has no pairs. Throws
/// Error(Unsupported) that names the tensor where a zero point maps to nothing.
std::optional<Calibration> takeQdq(Graph& graph);

}  // namespace tessera
