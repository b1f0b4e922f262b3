/// \file
/// What tensors can not fall below, whatever the network's inputs are.
#pragma once

#include <functional>
#include <string_view>

#include "tessera/graph.hpp"

namespace tessera {

/// The least value that a pointwise row gives, whatever it reads but NaN; -infinity where there is none.
double leastOf(std::string_view row, double alpha, double beta);

/// The least value that an element of the tensor can have: what an activation gives, and what layers that
/// move or join or average elements make of that, 0 among them; in doubt what `measured` says, or -infinity.
double leastOf(const Graph& graph, TensorId tensor, const std::function<double(TensorId)>& measured = {});

/// Whether no element of the tensor is ever negative. Codes around 0 have the sign of their values.
bool neverNegative(const Graph& graph, TensorId tensor);

}  // namespace tessera
