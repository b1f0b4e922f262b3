/// \file
/// Runs a network over calibration data with statistics attached to its tensors.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "calib/input_moments.hpp"
#include "calib/thresholds.hpp"
#include "tessera/calibrator.hpp"

namespace tessera {

/// The largest and the least value of each channel, by image.
struct ChannelExtremes {
  std::vector<std::vector<float>> high, low;
};

/// Which statistics to attach to which tensors.
struct StatisticsWanted {
  std::vector<std::string> histograms, means, peaks, extremes, least;
  /// Histograms of some of the batches only, where there are many; the largest value is still of all. They
  /// are among `extremes`.
  std::vector<std::string> seldomHistograms;
  int keep = 0;         ///< batches
  int momentParts = 0;  ///< of the moments of what layers read of these; 0: none
};

/// What one pass over the calibration data gives.
struct TensorStatistics {
  std::map<std::string, AbsHistogram> histograms;           ///< by tensor
  std::map<std::string, std::vector<double>> channelMeans;  ///< of the tensors in `means`
  std::map<std::string, std::vector<float>>
      channelPeaks;                                 ///< largest absolute values, of the tensors in `peaks`
  std::map<std::string, ChannelExtremes> extremes;  ///< of the tensors in `extremes`
  std::map<std::string, float> least;               ///< values, of the tensors in `least`
  std::vector<int> sampleImages;                    ///< by sample: its first image's number
  std::vector<TensorMap> samples;                   ///< some of the batches, spread over all
  std::vector<TensorMap> sampleOutputs;             ///< by sample: what the network gives for it
  std::optional<InputMoments> moments;              ///< of the samples
  int batches = 0;
  int images = 0;
};

/// How calibration builds its engines: untuned, so that the same is found whatever was tuned. `like`: an
/// engine whose compiled kernels may be used; `worker`: CalibrationOptions::worker.
EngineOptions calibrationEngine(std::shared_ptr<const Engine> like = nullptr,
                                const std::vector<std::string>& worker = {});

/// Runs the fp32 network over the calibrator's batches with statistics attached. Images that fill up
/// a last batch, by repeating its first ones, do not count. Throws Error(InvalidArgument) for an infinite or
/// NaN value, naming tensor and batch.
TensorStatistics runStatistics(const Graph& optimized, const Device& device, Calibrator& calibrator,
                               const StatisticsWanted& wanted, const CalibrationOptions& options);

}  // namespace tessera
