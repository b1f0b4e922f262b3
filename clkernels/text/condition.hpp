/// \file
/// What #if asks.
#pragma once

#include "clkernels/text/preprocess.hpp"

namespace tessera {

/// The value of a condition whose macros are expanded; names that are left count 0. Throws Error(Internal)
/// where it is none.
long valueOfCondition(const CTokens& tokens);

}  // namespace tessera
