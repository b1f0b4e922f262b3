/// \file
/// Bodies of dot4 (common/dot4.cl) that families choose tiles by.
#pragma once

#include "tessera/device.hpp"

namespace tessera {

/// x86 AVX2 by inline assembly, on vectors of sixteen lanes as Dot4Body::Vnni. It is an implementation's
/// choice that DeviceCaps::dot4 may hold; toString() names it.
inline constexpr Dot4Body kDot4Avx2 = static_cast<Dot4Body>(6);

}  // namespace tessera
