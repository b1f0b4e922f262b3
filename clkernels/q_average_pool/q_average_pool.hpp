/// \file
/// What families of QAveragePool share.
#pragma once

#include "clkernels/family.hpp"

namespace tessera {

/// float(double(scale) / cells) for every number of cells up to the window's: devices need no division in
/// double.
PackedConstant packedAverageFactors(const OpView& op);

}  // namespace tessera
