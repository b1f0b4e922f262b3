/// \file
/// What the layers of a network are to be computed in: decided by rules, options or measurement, obeyed by
/// the rewriting.
#pragma once

#include <string>
#include <vector>

#include "tessera/graph.hpp"
#include "tessera/precision.hpp"

namespace tessera {

struct Calibration;

/// What one layer is to run in, and why; no reason where that is the rule.
struct PlannedPrecision {
  Precision precision = Precision::Fp32;
  std::string reason;
  bool operator==(const PlannedPrecision&) const = default;
};

/// For every layer of an optimised network.
struct PrecisionPlan {
  std::vector<PlannedPrecision> layers;  ///< by the layer's index
  /// Of layers that are to run in INT8 and can not: Fp32 or Fp16.
  Precision rest = Precision::Fp32;

  /// Whether some layer is to run in `precision`.
  bool has(Precision precision) const;
  bool operator==(const PrecisionPlan&) const = default;
};

/// Every layer in `precision` but those that the options keep in fp32. Throws Error(InvalidArgument) for
/// unknown names in the options, and where INT8 is to leave the rest to INT8.
PrecisionPlan planByRules(const Graph& optimized, Precision precision, const PrecisionOptions& options);

/// A graph to lower, and the precision of the source's layers; none listed where all run in fp32.
struct Network {
  Graph graph;
  std::vector<LayerPrecision> precisions;
};

/// Rewrites an optimised fp32 graph as the plan says. Layers that can not run in what they are to run in have
/// another precision, with the reason. `calibration`: null where no layer is to run in INT8. Throws as
/// assignInt8() does.
Network assignPrecisions(const Graph& optimized, const PrecisionPlan& plan, const Calibration* calibration);

}  // namespace tessera
