/// \file
/// Rules for attributes, from one network at several shapes.
#pragma once

#include "graph/graph_family.hpp"

namespace tessera {

/// See GraphFamily::fit().
std::vector<ShapeRule> fitRules(const Graph& largest, const std::vector<Graph>& others);

}  // namespace tessera
