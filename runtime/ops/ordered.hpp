/// \file
/// Sums in a defined order (attribute `ordered`, which every operator that sums floats knows beside its own):
/// results are then the same bits on every device (docs/numerics.md).
#pragma once

#include "ops/operator.hpp"

namespace tessera {

inline constexpr std::string_view kOrdered = "ordered";

/// Whether the layer is to sum in the defined order.
inline bool sumsInOrder(const OpView& op) { return op.attrs.integer(kOrdered) != 0; }

/// What the bits of an operator's results depend on; see OperatorTraits::Bits.
OperatorTraits::Bits bitsOf(const OpView& view);

/// OperatorTraits::bits of operators that sum products of floats and end in an epilogue.
OperatorTraits::Bits bitsOfSums(const OpView& view);

}  // namespace tessera
