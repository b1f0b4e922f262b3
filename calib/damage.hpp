/// \file
/// What INT8 does to a network's own outputs.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "tessera/calibrator.hpp"

namespace tessera {

/// Compares an INT8 network's outputs with fp32's, on a few batches. No labels are needed.
class DamageMeter {
 public:
  /// `like`: an engine whose compiled kernels may be used.
  DamageMeter(const Graph& optimized, const Device& device, const PrecisionOptions& precision,
              std::vector<TensorMap> batches, std::shared_ptr<const Engine> like);
  /// On every `step`-th of `count` batches from `first` on.
  CalibrationDamage operator()(const Calibration& calibration, int first = 0, int count = 1 << 20,
                               int step = 1);
  /// Milliseconds of each layer by name: as calibrated, or of the network in fp16 where there is no
  /// calibration.
  std::map<std::string, double> layerTimes(const Calibration* calibration);
  /// Milliseconds of a run of each, medians of runs in turns.
  std::vector<double> runTimes(const std::vector<Calibration>& calibrations);
  int batches() const { return static_cast<int>(batches_.size()); }
  int runs() const { return runs_; }  ///< INT8 runs so far

 private:
  std::shared_ptr<const Engine> engineOf(const Calibration* calibration);

  const Graph& graph_;
  Device device_;
  PrecisionOptions precision_;
  std::vector<TensorMap> batches_, expected_;
  std::shared_ptr<const Engine> like_;
  std::map<std::string, std::size_t> classAxes_;  ///< by output
  int runs_ = 0;
};

}  // namespace tessera
