// Networks of one calibration that differ in which layers run in INT8.
#include "build/int8_networks.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <set>

#include "lower/precision.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

// A model with codes of its own may hold less INT8 than its user expects.
void warnOfFloats(const std::string& name, const std::vector<LayerPrecision>& layers) {
  const auto weighty = [](const LayerPrecision& l) { return l.multiplyAdds > 0; };
  const auto left = [&](const LayerPrecision& l) { return weighty(l) && l.precision != Precision::Int8; };
  const auto first = std::find_if(layers.begin(), layers.end(), left);
  if (first == layers.end()) return;
  log().warn(
      "'{}': {} of {} layers with weights are computed in fp32 between the model's own codes, '{}' because "
      "{}; 'tessera inspect --precision int8' lists all reasons",
      name, std::count_if(layers.begin(), layers.end(), left),
      std::count_if(layers.begin(), layers.end(), weighty), first->layer, first->reason);
}

// A cache of another program has other tensors than those INT8 stores here.
void reportIgnored(const Graph& optimized, const Calibration& calibration) {
  std::set<std::string> wanted;
  for (const std::string& name : tensorsToCalibrate(optimized)) wanted.insert(name);
  std::size_t ignored = 0;
  std::string first;
  for (const auto& [tensor, _] : calibration.scales)
    if (!wanted.count(tensor) && ignored++ == 0) first = tensor;
  if (ignored == 0) return;
  log().warn(
      "the calibration cache ({}) is used in part: {} of its {} scales belong to tensors that '{}' does not "
      "store in INT8, '{}' for one",
      calibration.method, ignored, calibration.scales.size(), optimized.name, first);
}

}  // namespace

Int8Networks::Int8Networks(Graph optimized, Calibration calibration, PrecisionOptions options)
    : optimized_(std::move(optimized)), calibration_(std::move(calibration)), options_(std::move(options)) {
  rules_.graph = assignInt8(optimized_, calibration_, options_, &rules_.precisions);
  if (calibration_.graphHash == 0 && !calibration_.partial) reportIgnored(optimized_, calibration_);
  if (calibration_.partial) warnOfFloats(optimized_.name, rules_.precisions);
}

bool Int8Networks::knows(const PrecisionDecision& decision) const {
  const auto exists = [&](const KeptLayer& kept) {
    return kept.layer >= 0 && kept.layer < static_cast<int>(optimized_.layers().size());
  };
  return std::all_of(decision.kept.begin(), decision.kept.end(), exists);
}

Network Int8Networks::decided(const PrecisionDecision& decision) const {
  Network network;
  Calibration calibration = calibration_;
  PrecisionOptions options = options_;
  for (const KeptLayer& kept : decision.kept) {
    if (kept.layer >= static_cast<int>(optimized_.layers().size()))
      throw Error(ErrorCode::BadCache, "a recorded choice of precisions names layer " +
                                           std::to_string(kept.layer) + ", which '" + optimized_.name +
                                           "' does not have");
    const Layer& layer = optimized_.layers()[kept.layer];
    if (int8Role(optimized_, layer) == Int8Role::Compute)
      options.keepFp32.insert(layer.name);
    else
      for (const TensorId id : layer.outputs) calibration.floatTensors.insert(optimized_.tensor(id).name);
  }
  if (decision.name == "fp32") {
    network = {optimized_, rules_.precisions};
    for (LayerPrecision& layer : network.precisions) layer.precision = Precision::Fp32;
  } else {
    network.graph = assignInt8(optimized_, calibration, options, &network.precisions);
  }
  for (const KeptLayer& kept : decision.kept)
    if (LayerPrecision& layer = network.precisions.at(kept.layer); layer.precision != Precision::Int8)
      layer.reason = decision.reason(kept);
  return network;
}

}  // namespace tessera
