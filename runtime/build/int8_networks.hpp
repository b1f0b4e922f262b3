/// \file
/// A network in INT8 by the rules, or with layers left in fp32 as was decided by measurement.
#pragma once

#include <string>
#include <vector>

#include "tessera/calibration.hpp"
#include "tune/records/precision_choice.hpp"

namespace tessera {

/// A graph to lower, and the precision of the source's layers (INT8 only).
struct Network {
  Graph graph;
  std::vector<LayerPrecision> precisions;
};

class Int8Networks {
 public:
  Int8Networks(Graph optimized, Calibration calibration, PrecisionOptions options);

  const Graph& optimized() const { return optimized_; }
  const Network& byRules() const { return rules_; }
  /// Whether every layer that the decision names is there.
  bool knows(const PrecisionDecision& decision) const;
  /// Throws Error(BadCache) where one is not.
  Network decided(const PrecisionDecision& decision) const;

 private:
  Graph optimized_;
  Calibration calibration_;
  PrecisionOptions options_;
  Network rules_;
};

}  // namespace tessera
