/// \file
/// How long operators' scalar references take, before they run.
#pragma once

#include "ops/operator.hpp"

namespace tessera {

/// Elements of a shape as a number that can not overflow.
double elements(const Shape& shape);

/// About how many multiply-adds Operator::reference takes as long as. Bounds what is computed while a model
/// is read and optimised.
double evaluationWork(const OpView& op);

}  // namespace tessera
