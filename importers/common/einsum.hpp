/// \file
/// Einstein sums, which several formats have.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "importers/common/layer_maker.hpp"

namespace tessera {

/// The product of two stacks of matrices.
using MatrixProduct = std::function<TensorId(TensorId a, TensorId b)>;

/// The result of `equation` ("abc,cd->abd", ellipses too) for operands of that many extents: layers of
/// `node`. Throws Error(BadModel) where they do not fit.
TensorId einsum(LayerMaker& node, const std::string& equation, std::span<const TensorId> inputs,
                const MatrixProduct& matMul);

}  // namespace tessera
