/// \file
/// Splitting a tensor's axes into those an operator reduces and those it keeps.
#pragma once

#include <vector>

#include "ops/operator.hpp"

namespace tessera {

/// The axes that Softmax, InstanceNorm, LayerNorm, MeanVariance, LpNormalize and GlobalPool work along:
/// sorted, non-negative. Throws Error(InvalidArgument) where an axis does not exist or is listed twice.
std::vector<std::int64_t> reducedAxes(const OpView& op);

/// For every element of `shape` the number of its group: elements that differ along `axes` only share one.
/// Groups are counted row-major over the other axes.
struct Groups {
  std::vector<std::int64_t> of;
  std::int64_t count = 1, size = 1;
};
Groups groupsAlong(const Shape& shape, const std::vector<std::int64_t>& axes);

}  // namespace tessera
