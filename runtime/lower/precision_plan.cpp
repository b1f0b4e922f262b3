// Plans of precisions: by the rules, and carried out.
#include "lower/precision_plan.hpp"

#include <algorithm>

#include "lower/half_rewriter.hpp"
#include "lower/int8_rewriter.hpp"
#include "lower/precision.hpp"
#include "ops/operator.hpp"

namespace tessera {
namespace {

constexpr const char* kHalfByRule = "kept in half precision, summed in fp32";

// The layers as the plan has them, before they are looked at.
std::vector<LayerPrecision> asPlanned(const Graph& graph, const PrecisionPlan& plan) {
  std::vector<LayerPrecision> layers;
  for (std::size_t i = 0; i < graph.layers().size(); ++i) {
    const Layer& layer = graph.layers()[i];
    layers.push_back({layer.name, layer.op, plan.layers.at(i).precision, plan.layers[i].reason,
                      multiplyAdds(graph, layer)});
  }
  return layers;
}

// Whether layer i is to be kept in half where it does not run in INT8.
bool wantsHalf(const PrecisionPlan& plan, std::size_t i) {
  const Precision wanted = plan.layers[i].precision;
  return wanted == Precision::Fp16 || (wanted == Precision::Int8 && plan.rest == Precision::Fp16);
}

// What INT8 left in floats, in half where the plan says so.
void keepInHalf(const PrecisionPlan& plan, Int8Graph& coded, std::vector<LayerPrecision>& layers) {
  std::vector<bool> wanted;
  for (std::size_t k = 0; k < coded.sources.size(); ++k) {
    const int source = coded.sources[k];
    wanted.push_back(source >= 0 && wantsHalf(plan, source) &&
                     !traitsOf(coded.graph.layers()[k].op).quantised());
  }
  std::vector<std::string> whyNot;
  Graph half = toHalf(coded.graph, wanted, whyNot);
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    if (!wanted[k]) continue;
    LayerPrecision& layer = layers.at(coded.sources[k]);
    if (layer.precision == Precision::Int8) continue;
    layer.precision = whyNot[k].empty() ? Precision::Fp16 : Precision::Fp32;
    if (layer.reason.empty() && whyNot[k].empty()) layer.reason = kHalfByRule;
    if (!whyNot[k].empty()) layer.reason += (layer.reason.empty() ? "" : "; ") + whyNot[k];
  }
  coded.graph = std::move(half);
}

}  // namespace

bool PrecisionPlan::has(Precision precision) const {
  return std::ranges::any_of(layers, [&](const PlannedPrecision& l) { return l.precision == precision; });
}

PrecisionPlan planByRules(const Graph& optimized, Precision precision, const PrecisionOptions& options) {
  if (options.rest == Precision::Int8)
    throw Error(ErrorCode::InvalidArgument, "what INT8 leaves runs in fp32 or fp16, not in int8");
  const auto& layers = optimized.layers();
  PrecisionPlan plan{std::vector<PlannedPrecision>(layers.size(), {precision, {}}), options.rest};
  const auto keep = [&](std::size_t i, const char* why) { plan.layers[i] = {Precision::Fp32, why}; };
  for (const auto& name : options.keepFp32)
    if (std::ranges::find(layers, name, &Layer::name) == layers.end())
      throw Error(ErrorCode::InvalidArgument, "there is no layer named '" + name + "' to keep in fp32");
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (options.keepFp32.count(layers[i].name)) keep(i, "kept fp32 by option");
  if (!options.keepFirstLast) return plan;
  std::vector<std::size_t> weighty;
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (hasIntegerWeights(layers[i])) weighty.push_back(i);
  if (weighty.empty()) return plan;
  keep(weighty.front(), "first layer kept fp32 by option");
  keep(weighty.back(), "last layer kept fp32 by option");
  return plan;
}

namespace {

// Layers of INT8 that the calibration keeps in fp16.
PrecisionPlan withHalfLayers(const Graph& graph, PrecisionPlan plan, const Calibration& calibration) {
  for (std::size_t i = 0; i < plan.layers.size(); ++i)
    if (plan.layers[i].precision == Precision::Int8 && calibration.halfLayers.count(graph.layers()[i].name))
      plan.layers[i] = {Precision::Fp16, kHalfByCalibration};
  return plan;
}

}  // namespace

Network assignPrecisions(const Graph& optimized, const PrecisionPlan& wanted,
                         const Calibration* calibration) {
  const PrecisionPlan plan = calibration ? withHalfLayers(optimized, wanted, *calibration) : wanted;
  Network network{{}, asPlanned(optimized, plan)};
  Int8Graph coded;
  if (plan.has(Precision::Int8)) {
    if (!calibration) throw Error(ErrorCode::InvalidArgument, "INT8 needs a calibration");
    coded = toInt8(optimized, *calibration, planInt8(optimized, *calibration, plan), network.precisions);
  } else {
    coded.graph = optimized;
    for (std::size_t i = 0; i < optimized.layers().size(); ++i) coded.sources.push_back(static_cast<int>(i));
  }
  const auto& layers = network.precisions;
  bool half = false;
  for (std::size_t i = 0; i < layers.size() && !half; ++i)
    half = layers[i].precision != Precision::Int8 && wantsHalf(plan, i);
  if (half) keepInHalf(plan, coded, network.precisions);
  network.graph = std::move(coded.graph);
  return network;
}

Graph assignInt8(const Graph& optimized, const Calibration& calibration, const PrecisionOptions& options,
                 std::vector<LayerPrecision>* report) {
  auto network = assignPrecisions(optimized, planByRules(optimized, Precision::Int8, options), &calibration);
  if (report) *report = std::move(network.precisions);
  return std::move(network.graph);
}

Graph assignFp16(const Graph& optimized, const PrecisionOptions& options,
                 std::vector<LayerPrecision>* report) {
  auto network = assignPrecisions(optimized, planByRules(optimized, Precision::Fp16, options), nullptr);
  if (report) *report = std::move(network.precisions);
  return std::move(network.graph);
}

}  // namespace tessera
