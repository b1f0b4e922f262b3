/// \file
/// Choosing thresholds by what they do to the network's own outputs.
#pragma once

#include "calib/damage.hpp"
#include "calib/statistics_run.hpp"
#include "lower/channel_codes.hpp"

namespace tessera {

/// What Auto works with.
struct AutoInputs {
  const Graph& graph;
  const Device& device;
  const TensorStatistics& statistics;
  const ThresholdTable& thresholds;
  const CalibrationOptions& options;
};

/// Parts of the samples. The first is what candidates are compared on; the others are left out in turn to say
/// what the calibration does to images unseen, but for those that a choice among layers in fp16 is made on.
constexpr int kDraws = 4;
/// Samples that candidates are compared on: one in that many; the others are for the ranges.
constexpr int kComparedEvery = kDraws;

/// -(W - coded W) * mean(x) per output channel of every compute layer whose input's means are known.
std::map<std::string, std::vector<float>> biasCorrections(
    const Graph& graph, const Int8Plan& plan, const std::map<std::string, std::vector<double>>& channelMeans);

/// Fills `result` with the best found.
void chooseAutomatically(const AutoInputs& inputs, DamageMeter& damage, CalibrationResult& result);

}  // namespace tessera
