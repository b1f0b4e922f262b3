/// \file
/// Precision by measured cost: the times of layers in INT8, fp32 and fp16, and of the conversions between
/// them.
#pragma once

#include <optional>
#include <vector>

#include "lower/precision_cut.hpp"
#include "lower/precision_plan.hpp"
#include "tune/search/network_search.hpp"

namespace tessera {

class PrecisionSearch {
 public:
  PrecisionSearch(LookUp& known, Trials& trials, Budget& budget, NetworkSearch& networks)
      : known_(known), trials_(trials), budget_(budget), networks_(networks) {}

  /// Measures the network in each precision and the conversions between them. `optimized`: in fp32; `rules`:
  /// with every layer in INT8 that can be; `half`: in fp16, where that is to be weighed, too. Ways worth a
  /// race, the rules' first.
  std::vector<PrecisionDecision> decisions(const Graph& optimized, const Network& rules,
                                           const std::optional<Network>& half);

 private:
  /// Per layer of the optimised network: seconds as `graph` runs it, and the channel block of its result.
  struct LayerTimes {
    std::vector<double> seconds;
    std::vector<int> blocks;
  };
  void searchAll(const Graph& optimized, const Network& rules, const std::optional<Network>& half);
  LayerTimes layerTimes(const Graph& graph, const Graph& optimized) const;
  /// Of the layers, which may run in INT8 and fp16 where `rules` and `half` have them so, and of the
  /// conversions at their borders.
  PrecisionCosts costsOf(const Graph& optimized, const Network& rules, const std::optional<Network>& half);
  double measuredSeconds(const OpView& view);
  double codesSeconds(const TensorDesc& tensor, int fp32Block, int int8Block);
  double castSeconds(const TensorDesc& tensor, int fp32Block, int fp16Block);

  LookUp& known_;
  Trials& trials_;
  Budget& budget_;
  NetworkSearch& networks_;
};

}  // namespace tessera
