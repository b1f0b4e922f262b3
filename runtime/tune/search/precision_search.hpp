/// \file
/// Precision by measured cost: the times of layers in INT8 and in fp32, and of the conversions between them.
#pragma once

#include <vector>

#include "lower/precision_cut.hpp"
#include "tessera/calibration.hpp"
#include "tune/search/network_search.hpp"

namespace tessera {

class PrecisionSearch {
 public:
  PrecisionSearch(LookUp& known, Trials& trials, Budget& budget, NetworkSearch& networks)
      : known_(known), trials_(trials), budget_(budget), networks_(networks) {}

  /// Measures the network in both precisions and the conversions between them. `optimized`: in fp32; `rules`:
  /// with every layer in INT8 that can be, as `report` lists them. Ways worth a race, the rules' first.
  std::vector<PrecisionDecision> decisions(const Graph& optimized, const Graph& rules,
                                           const std::vector<LayerPrecision>& report);

 private:
  /// Per layer of the optimised network: seconds as `graph` runs it, and the channel block of its result.
  struct LayerTimes {
    std::vector<double> seconds;
    std::vector<int> blocks;
  };
  LayerTimes layerTimes(const Graph& graph, const Graph& optimized) const;
  /// Of the layers, those that `report` has in INT8 being free, and of the conversions at their borders.
  PrecisionCosts costsOf(const Graph& optimized, const Graph& rules,
                         const std::vector<LayerPrecision>& report);
  double measuredSeconds(const OpView& view);
  double conversionSeconds(const TensorDesc& tensor, int fp32Block, int int8Block);

  LookUp& known_;
  Trials& trials_;
  Budget& budget_;
  NetworkSearch& networks_;
};

}  // namespace tessera
