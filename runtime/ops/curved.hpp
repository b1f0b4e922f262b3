/// \file
/// Which pointwise rows are functions of common/defined_math.cl.
#pragma once

#include <string_view>

namespace tessera {

/// Whether a row of the pointwise table is exact (exactPointwise) by functions of common/defined_math.cl, and
/// no selection, sum or product of its operands: Sigmoid, Exp, ...
bool curvedPointwise(std::string_view name);

/// Whether a row gives the same bits for floats on every device: exact ones, and those that answer true or
/// false.
bool definedPointwise(std::string_view name);

}  // namespace tessera
