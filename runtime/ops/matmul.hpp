/// \file
/// Shapes of a MatMul as a batch of matrix products.
#pragma once

#include <cstdint>
#include <vector>

#include "tessera/tensor.hpp"

namespace tessera {

/// y[b] (m x n) = a[aItem[b]] (m x k) * b[bItem[b]] (k x n), items counted in whole matrices.
struct MatMulShape {
  std::int64_t m = 1, k = 1, n = 1;
  Shape batch;   ///< broadcast batch extents
  Shape output;  ///< batch, then m and n where the operands have them
  std::vector<std::int64_t> aItem, bItem;
};

/// numpy's rules; throws Error(InvalidArgument) where the operands do not fit.
MatMulShape matMulShape(const Shape& a, const Shape& b);
/// As matMulShape, without its lists of items.
MatMulShape matMulExtents(const Shape& a, const Shape& b);

}  // namespace tessera
