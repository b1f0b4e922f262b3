/// \file
/// Runs a network over calibration data with statistics attached to its tensors.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "calib/thresholds.hpp"
#include "tessera/calibrator.hpp"

namespace tessera {

/// The calibrator's batches, twice: rewound where it can, else kept.
class BatchSource {
 public:
  explicit BatchSource(Calibrator& calibrator) : calibrator_(calibrator) {}
  /// Calls `use` with every batch; returns how many there were.
  int forEach(const std::function<void(const TensorMap&)>& use);
  /// The first `count` batches, kept.
  std::vector<TensorMap> first(int count);

 private:
  Calibrator& calibrator_;
  bool started_ = false, keep_ = false;
  std::vector<TensorMap> kept_;
};

using Progress = std::function<void(std::string_view stage, int done, int total)>;

/// Largest absolute value of each tensor over all batches, and the mean of each channel of the tensors in
/// `means`.
struct TensorMaxima {
  std::map<std::string, double> maxima;
  std::map<std::string, std::vector<double>> channelMeans;
  int batches = 0;
};
TensorMaxima runMaxima(const Graph& optimized, const Device& device, BatchSource& source,
                       const std::vector<std::string>& tensors, const std::vector<std::string>& means,
                       int total, const Progress& progress);

/// Histograms of 2048 bins up to the maxima.
std::map<std::string, AbsHistogram> runHistograms(const Graph& optimized, const Device& device,
                                                  BatchSource& source,
                                                  const std::map<std::string, double>& maxima, int total,
                                                  const Progress& progress);

}  // namespace tessera
