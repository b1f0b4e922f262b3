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
      "'{}': {} of {} layers with weights are computed in floats between the model's own codes, '{}' because "
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

Int8Networks::Int8Networks(Graph optimized, Calibration calibration, const PrecisionOptions& options)
    : optimized_(std::move(optimized)),
      calibration_(std::move(calibration)),
      plan_(planByRules(optimized_, Precision::Int8, options)),
      rules_(assignPrecisions(optimized_, plan_, &calibration_)) {
  if (options.rest == Precision::Fp16)
    half_ = assignPrecisions(optimized_, planByRules(optimized_, Precision::Fp16, options), nullptr);
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
  Network network = assignPrecisions(optimized_, decision.plan(plan_), &calibration_);
  for (std::size_t i = 0; i < network.precisions.size(); ++i)  // those that no decision is about
    if (auto& layer = network.precisions[i]; layer.reason.empty()) layer.reason = rules_.precisions[i].reason;
  return network;
}

}  // namespace tessera
