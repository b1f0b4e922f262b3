/// \file
/// Matrix products as other operators of the importer need them.
#pragma once

#include "importers/onnx/node.hpp"

namespace tessera::onnx {

/// The product under the node's name; floating point only.
TensorId matMul(Node& node, TensorId a, TensorId b);

}  // namespace tessera::onnx
