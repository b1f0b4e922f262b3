/// \file
/// How long operators' scalar references take, before they run.
#pragma once

#include "ops/operator.hpp"

namespace tessera {

/// Elements of a shape as a number that can not overflow.
double elements(const Shape& shape);

/// An element costs its index and two conversions.
inline constexpr double kElementWork = 8;
/// Taps of all windows together, padding included, times channels.
double windowWork(const OpView& op);
/// Products of rows with the rows of weights.
double rowWork(const OpView& op);

/// About how many multiply-adds Operator::reference takes as long as. Bounds what is computed while a model
/// is read and optimised.
double evaluationWork(const OpView& op);

}  // namespace tessera
