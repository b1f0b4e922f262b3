/// \file
/// Models that carry their own codes as QuantizeLinear / DequantizeLinear pairs.
#pragma once

#include <optional>

#include "tessera/calibration.hpp"

namespace tessera {

/// Makes an imported graph that holds Quantize or Dequantize layers ready for INT8. Coded weights become
/// floats, their scales go into the calibration returned. A pair that symmetric codes can say (i8 around 0,
/// u8 around 128, one scale) becomes two QPointwise layers, encode and decode, under the names the pair had;
/// the code -128 becomes -127. Other pairs stay: what reads them is computed in floats, with every rounding
/// and saturation of the model. None where the graph has neither layer.
std::optional<Calibration> takeQdq(Graph& graph);

}  // namespace tessera
