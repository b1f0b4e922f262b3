/// \file
/// A network in INT8 by the rules, or with layers left in floats as was decided by measurement.
#pragma once

#include <optional>

#include "tessera/calibration.hpp"
#include "tune/records/precision_choice.hpp"

namespace tessera {

class Int8Networks {
 public:
  Int8Networks(Graph optimized, Calibration calibration, const PrecisionOptions& options);

  const Graph& optimized() const { return optimized_; }
  const Network& byRules() const { return rules_; }
  /// What layers run in that INT8 leaves.
  Precision rest() const { return plan_.rest; }
  /// The network without INT8: in fp16, where that may be what layers run in that INT8 leaves; else none.
  const std::optional<Network>& half() const { return half_; }
  /// Whether every layer that the decision names is there.
  bool knows(const PrecisionDecision& decision) const;
  /// Throws Error(BadCache) where one is not.
  Network decided(const PrecisionDecision& decision) const;

 private:
  Graph optimized_;
  Calibration calibration_;
  PrecisionPlan plan_;  ///< by the rules
  Network rules_;
  std::optional<Network> half_;
};

}  // namespace tessera
