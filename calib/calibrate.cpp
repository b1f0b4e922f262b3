// Calibration: cache, statistics, thresholds.
#include <spdlog/logger.h>

#include <ctime>
#include <set>

#include "calib/auto_calibration.hpp"
#include "graph/network_hash.hpp"
#include "lower/precision.hpp"
#include "tessera/calibration_cache.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

// Batches that the Auto method keeps: it compares candidates on one in kComparedEvery, and says what to
// expect by all.
constexpr int kKeptBatches = 12;

std::vector<std::string> computeInputs(const Graph& graph) {
  std::set<std::string> names;
  for (const Layer& layer : graph.layers())
    if (int8Role(graph, layer) == Int8Role::Compute && graph.tensor(layer.inputs[0]).shape.size() >= 3)
      names.insert(graph.tensor(layer.inputs[0]).name);
  return {names.begin(), names.end()};
}

// Inputs of the network that become codes, moved perhaps.
std::vector<std::string> inputsOfImages(const Graph& graph) {
  std::vector<std::string> names;
  for (const TensorId id : graph.inputs()) {
    const GraphTensor& tensor = graph.tensor(id);
    if (tensor.type == DataType::Float32 && tensor.shape.size() >= 3) names.push_back(tensor.name);
  }
  return names;
}

}  // namespace

CalibrationResult calibrate(const Graph& imported, const Device& device, Calibrator& calibrator,
                            const CalibrationOptions& options) {
  CalibrationResult result;
  if (const std::string cached = calibrator.readCache(); !cached.empty()) {
    result.calibration = parseAnyCalibration(cached, "the calibration cache");
    requireGraph(result.calibration, imported);
    result.fromCache = true;
    return result;
  }
  Graph graph = imported;
  optimize(graph, options.passes);
  const auto tensors = tensorsToCalibrate(graph);
  if (tensors.empty())
    throw Error(ErrorCode::InvalidArgument,
                "network '" + imported.name + "' has no layer that could run in INT8");
  const bool automatic = options.method == CalibrationMethod::Auto;
  StatisticsWanted wanted;
  wanted.histograms = tensors;
  wanted.peaks = tensorsWithChannelScales(graph);
  if (automatic) wanted.keep = kKeptBatches, wanted.momentParts = kDraws;
  if (automatic && options.biasCorrection) wanted.means = computeInputs(graph);
  if (automatic) wanted.least = inputsOfImages(graph);
  if (automatic)
    for (const auto& group : channelGroups(graph, planWithChannels(graph, options.layerPrecision, {})))
      for (const TensorId id : group.tensors) wanted.extremes.push_back(graph.tensor(id).name);
  // Ranges of channels are likely to take the place of these tensors' thresholds.
  const std::set<std::string> ranged(wanted.extremes.begin(), wanted.extremes.end());
  std::erase_if(wanted.histograms, [&](const std::string& name) {
    if (!ranged.count(name)) return false;
    wanted.seldomHistograms.push_back(name);
    return true;
  });
  const auto begun = std::clock();
  const TensorStatistics found = runStatistics(graph, device, calibrator, wanted, options);
  log().debug("calibration: the pass over the images took {:.2f} s of the processor",
              static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC);
  if (found.batches == 0)
    throw Error(ErrorCode::InvalidArgument,
                "the calibrator gave no batch: there is nothing to calibrate from");
  result.batches = found.batches;
  Calibration& calibration = result.calibration;
  calibration.graphName = imported.name;
  calibration.graphHash = networkHash(imported);
  calibration.channelPeaks = found.channelPeaks;
  calibration.method = toString(options.method);
  result.chosen = calibration.method;
  const ThresholdTable thresholds(found.histograms, options.percentile);
  if (automatic) {
    DamageMeter damage(graph, device, options.layerPrecision, found.samples, found.sampleOutputs);
    chooseAutomatically({graph, device, found, thresholds, options}, damage, result);
  } else {
    calibration.scales = thresholds.scales(options.method);
  }
  calibrator.writeCache(calibrationText(calibration));
  return result;
}

}  // namespace tessera
