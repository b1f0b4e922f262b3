/// \file
/// Networks whose inputs and outputs are codes, for those who have numbers: ImportOptions::decodeEnds.
#pragma once

#include "tessera/graph.hpp"

namespace tessera {

/// Inputs of i8 and u8 become f32, and a Quantize behind them makes the codes: by the scale and zero point of
/// the Dequantize that reads them, else each number's nearest code. Outputs of i8 and u8 that a Quantize made
/// become its numbers, decoded. Names stay; others are left as they are.
void decodeEnds(Graph& graph);

}  // namespace tessera
