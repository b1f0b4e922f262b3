/// \file
/// Matrix products of TensorFlow's formats.
#pragma once

#include "importers/tensorflow/node.hpp"

namespace tessera::tensorflow {

/// A product of x (its first axis are rows, the rest is one) with weights [outputs, inputs], and a bias or
/// kNoTensor: the node's layer. Where x is a flattened image in another order, the columns of constant
/// weights are put into that order.
TensorId fullyConnected(Node& node, const Held& x, TensorId weights, TensorId bias);

}  // namespace tessera::tensorflow
