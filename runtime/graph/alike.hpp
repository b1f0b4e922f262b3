/// \file
/// Networks that differ in numbers alone.
#pragma once

#include "tessera/graph.hpp"

namespace tessera {

/// Whether two graphs have the same layers on the same tensors, and differ at most in constants' values, in
/// attributes that are floats, such as scales, and in zero points, where both have one: what runs one runs
/// the other.
bool differInNumbersAlone(const Graph& a, const Graph& b);

}  // namespace tessera
