/// \file
/// Matrix products as other operators of the importer need them.
#pragma once

#include "importers/onnx/node.hpp"

namespace tessera::onnx {

/// The product under the node's name; floating point only.
TensorId matMul(Node& node, TensorId a, TensorId b);

/// What Gemm means by the node's first three inputs and its attributes.
TensorId gemm(Node& node);

}  // namespace tessera::onnx
