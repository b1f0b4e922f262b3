/// \file
/// Comparing tensors.
#pragma once

#include <string>

#include "ops/operator.hpp"

namespace tessera::test {

/// Empty where every element is within tolerance (NaN equals NaN, infinities equal themselves; integers
/// exactly unless the tolerance says otherwise); else the worst element.
std::string compare(const HostTensor& actual, const HostTensor& expected, Tolerance tolerance);

}  // namespace tessera::test
