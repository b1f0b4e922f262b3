/// \file
/// What the scores of a network's output are, by the layers that make them.
#pragma once

#include "tessera/classification.hpp"
#include "tessera/graph.hpp"

namespace tessera {

/// Probabilities where `output` comes from a softmax or a sigmoid through layers that keep its values, else
/// Logits.
ScoreKind scoreKindOf(const Graph& graph, const std::string& output);

}  // namespace tessera
