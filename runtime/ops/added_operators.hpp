/// \file
/// Operators that come while the process runs, besides those of ops.def.
#pragma once

#include <memory>

#include "ops/operator.hpp"

namespace tessera {

/// From now on findOperator() finds it, on every thread; it stays for ever. Throws Error(InvalidArgument)
/// where there is one of that name.
void addOperator(std::unique_ptr<const Operator> added);

}  // namespace tessera
