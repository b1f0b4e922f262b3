/// \file
/// Choosing thresholds by what they do to the network's own outputs.
#pragma once

#include "calib/statistics_run.hpp"

namespace tessera {

/// Relative squared error of an INT8 network's outputs against fp32's, on a few batches.
class DamageMeter {
 public:
  DamageMeter(const Graph& optimized, const Device& device, const PrecisionOptions& precision,
              std::vector<TensorMap> batches);
  /// Sum over outputs and batches of |int8 - fp32|^2 / |fp32|^2, over their number; `batches` of those held.
  double operator()(const Calibration& calibration, int batches = 1 << 20);
  int runs() const { return runs_; }  ///< INT8 runs so far

 private:
  const Graph& graph_;
  Device device_;
  PrecisionOptions precision_;
  std::vector<TensorMap> batches_, expected_;
  int runs_ = 0;
};

/// What Auto works with: thresholds come from the histograms, bias corrections from the channel means.
struct AutoInputs {
  const Graph& graph;
  const std::map<std::string, AbsHistogram>& histograms;
  const std::map<std::string, std::vector<double>>& channelMeans;
  const CalibrationOptions& options;
  int batches = 0;  ///< calibration batches: bounds how many INT8 runs the search may spend
};

/// Scales of every tensor by one method.
std::map<std::string, float> scalesBy(CalibrationMethod method,
                                      const std::map<std::string, AbsHistogram>& histograms, double percent);

/// -(W - coded W) * mean(x) per output channel of every compute layer whose input's means are known.
std::map<std::string, std::vector<float>> biasCorrections(
    const Graph& graph, const std::map<std::string, std::vector<double>>& channelMeans);

/// Fills `result` with the best found.
void chooseAutomatically(const AutoInputs& inputs, DamageMeter& damage, CalibrationResult& result);

}  // namespace tessera
