/// \file
/// Models that carry their own codes as QuantizeLinear / DequantizeLinear pairs.
#pragma once

#include <optional>

#include "tessera/calibration.hpp"

namespace tessera {

/// Makes an imported graph that holds Quantize or Dequantize layers ready for INT8. Coded weights become
/// floats, their scales go into the calibration returned. A pair of one scale and zero point becomes two
/// QPointwise layers, encode and decode, under the names the pair had; where layers with weights read other
/// codes (an input of the network, codes that were moved) such a pair follows their DequantizeLinear. What
/// has scales per channel, or scales that are computed, stays: what reads it is computed in floats, with
/// every rounding and saturation of the model. None where the graph has neither layer.
std::optional<Calibration> takeQdq(Graph& graph);

}  // namespace tessera
