/// \file
/// Choosing thresholds by what they do to the network's own outputs.
#pragma once

#include "calib/damage.hpp"
#include "calib/statistics_run.hpp"
#include "lower/precision.hpp"

namespace tessera {

/// What Auto works with.
struct AutoInputs {
  const Graph& graph;
  const TensorStatistics& statistics;
  const ThresholdTable& thresholds;
  const CalibrationOptions& options;
};

/// -(W - coded W) * mean(x) per output channel of every compute layer whose input's means are known.
std::map<std::string, std::vector<float>> biasCorrections(
    const Graph& graph, const Int8Plan& plan, const std::map<std::string, std::vector<double>>& channelMeans);

/// Fills `result` with the best found.
void chooseAutomatically(const AutoInputs& inputs, DamageMeter& damage, CalibrationResult& result);

}  // namespace tessera
