/// \file
/// Which extent of an output holds classes.
#pragma once

#include <optional>

#include "tessera/graph.hpp"

namespace tessera {

/// The extent of a tensor along which its entries compete as classes, found by what the tensor is: the extent
/// of the Softmax that it comes from, else the channels of the layers with weights, each followed through
/// layers that keep it (transposes, reshapes, sums, activations). None where no such layer is found, the
/// extent is mixed with others on the way, or a concat joins different things along it (boxes and scores).
std::optional<std::size_t> classAxis(const Graph& graph, TensorId tensor);

}  // namespace tessera
