/// \file
/// What Softmax's kernel and reference have in common.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>

#include "ops/operator.hpp"

namespace tessera {

/// Exponentials of a row of `length` elements are added as whole multiples of 2^-shift: 40, or what leaves
/// room for the sum in 62 bits.
inline int softmaxShift(std::int64_t length) {
  return std::min(40, 62 - static_cast<int>(std::bit_width(static_cast<std::uint64_t>(length))));
}

/// The extent whose entries compete for one sum; none of other operators.
std::optional<std::size_t> competingAxis(const OpView& op);

}  // namespace tessera
