/// \file
/// What INT8 does to a network's own outputs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "tessera/calibrator.hpp"

namespace tessera {

/// Every `step`-th of some batches from `first` up to `end`.
struct BatchPart {
  int first = 0, end = 1 << 20, step = 1;
};

/// Compares an INT8 network's outputs with fp32's, on a few batches. No labels are needed.
class DamageMeter {
 public:
  /// `expected`: outputs of the fp32 network by batch; none: it is run.
  DamageMeter(const Graph& optimized, const Device& device, const PrecisionOptions& precision,
              std::vector<TensorMap> batches, std::vector<TensorMap> expected = {});
  CalibrationDamage operator()(const Calibration& calibration, BatchPart part = {});
  /// Something to compare, made when its turn comes, on a thread of its own.
  struct Candidate {
    std::function<Calibration()> make;
    BatchPart part;
  };
  /// The same for each: one is made and built while the one before it runs. `done`: called after each.
  std::vector<CalibrationDamage> operator()(const std::vector<Candidate>& candidates,
                                            const std::function<void(int)>& done);
  /// Milliseconds of each layer by name: as calibrated, or of the network in fp16 where there is no
  /// calibration.
  std::map<std::string, double> layerTimes(const Calibration* calibration);
  /// Networks to come are likely to be as the one that was compared last: they share what it has compiled.
  void expectAlike() { like_ = last_; }
  /// Milliseconds of a run of the network that was compared last, the shortest of some.
  double runTime() const;
  /// Milliseconds of a run of each, medians of runs in turns.
  std::vector<double> runTimes(const std::vector<Calibration>& calibrations);
  int batches() const { return static_cast<int>(batches_.size()); }
  int runs() const { return runs_; }  ///< INT8 runs so far

 private:
  std::shared_ptr<const Engine> engineOf(const Calibration* calibration,
                                         const std::shared_ptr<const Engine>& like) const;
  CalibrationDamage measure(const std::shared_ptr<const Engine>& engine, BatchPart part);

  void takeOutputs(Context& context, const TensorMap& expected);
  const std::vector<std::int32_t>& classesOf(int batch, const std::string& output, const HostTensor& expected,
                                             std::size_t axis);

  const Graph& graph_;
  Device device_;
  PrecisionOptions precision_;
  std::vector<TensorMap> batches_, expected_;
  std::shared_ptr<const Engine> like_, last_;     ///< has compiled most kernels of the next; compared last
  std::map<std::string, std::size_t> classAxes_;  ///< by output
  std::map<std::pair<int, std::string>, std::vector<std::int32_t>>
      classes_;        ///< largest, by batch and output
  TensorMap results_;  ///< of the last run
  int runs_ = 0;
};

}  // namespace tessera
