/// \file
/// Runs a network over calibration data with statistics attached to its tensors.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "calib/thresholds.hpp"
#include "tessera/calibrator.hpp"

namespace tessera {

using Progress = std::function<void(std::string_view stage, int done, int total)>;

/// What one pass over the calibration data gives.
struct TensorStatistics {
  std::map<std::string, AbsHistogram> histograms;           ///< by tensor
  std::map<std::string, std::vector<double>> channelMeans;  ///< of the tensors in `means`
  std::map<std::string, std::vector<float>>
      channelPeaks;                ///< largest absolute values, of the tensors in `peaks`
  std::vector<TensorMap> samples;  ///< some of the batches, spread over all
  int batches = 0;
  std::shared_ptr<const Engine> engine;  ///< that ran: has compiled most kernels
};

/// How calibration builds its engines: untuned, so that the same is found whatever was tuned. `like`: an
/// engine whose compiled kernels may be used.
EngineOptions calibrationEngine(std::shared_ptr<const Engine> like = nullptr);

/// Runs the fp32 network over the calibrator's batches with statistics attached to `tensors` and `means`;
/// keeps `keep` batches. Throws Error(InvalidArgument) for an infinite or NaN value, naming tensor and batch.
TensorStatistics runStatistics(const Graph& optimized, const Device& device, Calibrator& calibrator,
                               const std::vector<std::string>& tensors, const std::vector<std::string>& means,
                               const std::vector<std::string>& peaks, int keep, const Progress& progress);

}  // namespace tessera
