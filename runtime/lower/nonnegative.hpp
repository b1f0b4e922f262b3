/// \file
/// Tensors that can not hold a negative value.
#pragma once

#include "tessera/graph.hpp"

namespace tessera {

/// Whether no element of the tensor is ever negative, whatever the network's inputs: what a ReLU and its like
/// give, and what others make of that. In doubt false. Codes have the sign of their values.
bool neverNegative(const Graph& graph, TensorId tensor);

}  // namespace tessera
