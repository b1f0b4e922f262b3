/// \file
/// The cheapest precision of every layer of a network, conversions at the borders included.
#pragma once

#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// Seconds of one layer in either precision.
struct LayerCost {
  double int8 = 0, fp32 = 0;
  bool free = false;  ///< false: it runs in fp32 whatever that costs
};

/// Costs of a network; one entry per layer, one per tensor.
struct PrecisionCosts {
  std::vector<LayerCost> layers;
  std::vector<double>
      conversions;  ///< seconds to bring a tensor from fp32 to codes, its change of layout included
};

/// Seconds of the network with the layers for which `int8` is set in INT8. Integer layers with a body of
/// their own write floats as they write codes; where others want codes of the same tensor, or where codes
/// were only moved, a conversion is counted.
double precisionSeconds(const Graph& optimized, const PrecisionCosts& costs, const std::vector<bool>& int8);

/// The layers to run in INT8 so that precisionSeconds() is least: a minimum cut, so exact.
std::vector<bool> cheapestPrecisions(const Graph& optimized, const PrecisionCosts& costs);

}  // namespace tessera
