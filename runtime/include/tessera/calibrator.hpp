/// \file
/// Calibrating a network for INT8 on the device that runs it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/calibration.hpp"
#include "tessera/context.hpp"

namespace tessera {

/// How the threshold of a tensor follows from its histogram (docs/int8_tutorial.md); Auto tries all the
/// others.
enum class CalibrationMethod { Auto, Entropy, MinMax, Percentile, Mse };
/// "auto", "entropy", "minmax", "percentile", "mse".
std::string_view toString(CalibrationMethod method);
CalibrationMethod parseCalibrationMethod(std::string_view text);  ///< throws Error(InvalidArgument)

/// Where calibration gets its data. Implement nextBatch() for data of your own, or use ImageBatchStream.
class Calibrator {
 public:
  virtual ~Calibrator() = default;
  /// Images in a batch; the network is run with this batch size.
  virtual int batchSize() const = 0;
  /// Fills `inputs` (one tensor per network input, by name); false at the end.
  virtual bool nextBatch(TensorMap& inputs) = 0;
  /// What the last batch was made of, for messages: names of files, say. Empty: its number is given.
  virtual std::string lastBatch() const { return {}; }
  /// Batches there will be, for progress; 0: not known.
  virtual int batchCount() const { return 0; }
  /// A cache written before (either format); empty: calibrate.
  virtual std::string readCache() { return {}; }
  /// Given what was found, in Tessera's format (calibrationText()).
  virtual void writeCache([[maybe_unused]] const std::string& text) {}
};

/// How to calibrate.
struct CalibrationOptions {
  CalibrationMethod method = CalibrationMethod::Auto;  ///< see there
  double percentile = 99.99;                           ///< for Percentile, and what Auto tries
  bool biasCorrection = true;                          ///< Auto: let corrected biases compete
  /// Auto: share of the multiply-adds that may be left in fp32 where that helps most. Sums in fp32 depend on
  /// their order, so only a network without such layers gives the same bits on every device.
  double fp32Share = 0;
  /// Auto: share of the multiply-adds that may be left in fp16 where INT8 harms most per millisecond that it
  /// saves on this device (CalibrationResult::frontier). fp16 is not defined to the bit either.
  double fp16Share = 0;
  PassOptions passes;               ///< as of the engine to come
  PrecisionOptions layerPrecision;  ///< likewise
  /// TuneOptions::worker: such processes compile the fp32 network with its statistics side by side.
  /// Candidates are compiled in this process, as is all where it is empty.
  std::vector<std::string> worker;
  /// Called with the stage's name, batches done and batches in all (0: not known).
  std::function<void(std::string_view stage, int done, int total)> progress;
};

/// How an INT8 network's outputs differ from fp32's.
struct CalibrationDamage {
  double error = 0;    ///< |int8 - fp32|^2 / |fp32|^2, mean over outputs and batches
  double changed = 0;  ///< share of the outputs' positions whose largest channel is another one
};

/// Layers in fp16 instead of INT8: what the network then loses and takes.
struct Fp16Choice {
  std::vector<std::string> layers;  ///< that run in fp16
  double share = 0;                 ///< of the multiply-adds that they make
  double milliseconds = 0;          ///< of a run, on the device that calibrated
  CalibrationDamage damage;         ///< mean over draws of images that ranges leave out
  CalibrationDamage worst;          ///< of the draws
};

/// What calibration found, and what the methods cost on the calibration data.
struct CalibrationResult {
  Calibration calibration;  ///< for EngineOptions::calibration
  bool fromCache = false;   ///< Calibrator::readCache() gave it; nothing was run
  int batches = 0;          ///< that the network was run on
  /// By candidate: "minmax", "entropy", ..., Auto only. "unseen, mean" and "unseen, worst" are of draws of
  /// images that no choice was made on; thresholds of whole tensors are found on all images.
  std::map<std::string, CalibrationDamage> damage;
  std::string chosen;  ///< the candidate Auto took, refinements included
  /// Auto with fp16Share: from no layer in fp16 to as many as that allows, those first that INT8 harms most
  /// per millisecond; the one that was taken has the layers of Calibration::halfLayers. It is the best on the
  /// images that its damage was measured on, so that promises a little too much: "unseen" above is of others.
  std::vector<Fp16Choice> frontier;
  /// Auto, where the outputs' signal to noise is below 25 dB: layers whose codes are why, most harmful first,
  /// with the damage left and the time of a run (estimated with a frontier) if they alone are in fp16.
  std::vector<Fp16Choice> harmful;
};

/// Runs the fp32 network once over the calibrator's batches on the device, with histograms of its tensors,
/// which give thresholds. Auto tries every method on the calibration data itself and keeps, per tensor, what
/// harms the network's own fp32 outputs least. Throws Error(InvalidArgument) where there is no data or an
/// activation is infinite or NaN (naming tensor and batch), Error(BadCache) for a cache of another network.
CalibrationResult calibrate(const Graph& imported, const Device& device, Calibrator& calibrator,
                            const CalibrationOptions& options = {});

/// What one layer alone in INT8 costs, all others in fp32.
struct LayerSensitivity {
  std::string layer;         ///< its name
  std::string op;            ///< its operator
  double multiplyAdds = 0;   ///< of one run
  CalibrationDamage damage;  ///< of the network's outputs
};

/// Ranks the layers with weights, most harmful first, on at most `batches` batches of `data`: candidates for
/// PrecisionOptions::keepFp32. Throws as calibrate() does.
std::vector<LayerSensitivity> rankLayers(const Graph& imported, const Device& device, Calibrator& data,
                                         const Calibration& calibration, int batches = 3,
                                         const CalibrationOptions& options = {});

}  // namespace tessera
