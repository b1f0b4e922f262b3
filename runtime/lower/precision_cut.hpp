/// \file
/// The cheapest precision of every layer of a network, conversions at the borders included.
#pragma once

#include <vector>

#include "tessera/graph.hpp"
#include "tessera/precision.hpp"

namespace tessera {

/// Seconds of one layer in each precision. Every layer may run in fp32.
struct LayerCost {
  double int8 = 0, fp32 = 0, fp16 = 0;
  bool mayInt8 = false, mayFp16 = false;

  bool may(Precision precision) const;
  double seconds(Precision precision) const;
};

/// Seconds to convert one tensor, changes of layout included.
struct ConversionCost {
  double codes = 0;  ///< between fp32 and codes
  double half = 0;   ///< between fp32 and half
};

/// Costs of a network; one entry per layer, one per tensor.
struct PrecisionCosts {
  std::vector<LayerCost> layers;
  std::vector<ConversionCost> conversions;
};

/// Seconds of the network with every layer in the precision listed for it. Codes become half by way of
/// floats. Integer layers with a body of their own write floats as they write codes; where others want codes
/// of the same tensor, or where codes were only moved, a conversion is counted.
double precisionSeconds(const Graph& optimized, const PrecisionCosts& costs,
                        const std::vector<Precision>& precisions);

/// The precision of every layer so that precisionSeconds() is least. Exact: codes, floats and half stand in
/// an order in which conversions add up, so that one minimum cut over two nodes per layer finds it (H.
/// Ishikawa, Exact optimization for Markov random fields with convex priors, IEEE PAMI 25(10), 2003).
std::vector<Precision> cheapestPrecisions(const Graph& optimized, const PrecisionCosts& costs);

}  // namespace tessera
