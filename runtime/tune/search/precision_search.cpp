#include "tune/search/precision_search.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <cmath>

#include "lower/cost_model.hpp"
#include "lower/reformat.hpp"
#include "tessera/log.hpp"
#include "tune/problem.hpp"

namespace tessera {
namespace {

// Shares of the time after which the searches in all precisions and the measuring of conversions are over;
// what was decided then has the rest.
constexpr double kUntilSearched = 0.85, kUntilConversions = 0.92;
// Of kUntilSearched, the share of the search in INT8.
constexpr double kInt8Share = 0.53;

// The layer of the network that a step belongs to: its own name, or with an activation's behind it.
std::string layerOf(const Step& step, const std::map<std::string, int>& layers) {
  if (step.reformat) return {};
  if (layers.count(step.layer)) return step.layer;
  const auto slash = step.layer.rfind('/');
  if (slash == std::string::npos) return {};
  const std::string part = step.layer.substr(slash + 1), front = step.layer.substr(0, slash);
  const bool conversion = part == "encode" || part == "decode" || part == "half" || part == "float";
  return !conversion && layers.count(front) ? front : std::string();
}

Precision byRules(const LayerCost& cost) {
  return cost.mayInt8 ? Precision::Int8 : cost.mayFp16 ? Precision::Fp16 : Precision::Fp32;
}

// The layers in the precisions listed, and for each that the rules have in another what it alone would change
// so.
PrecisionDecision decisionOf(const Graph& optimized, const PrecisionCosts& costs, const std::string& name,
                             const std::vector<Precision>& precisions) {
  PrecisionDecision made{name, {}, 0, 0};
  const double whole = precisionSeconds(optimized, costs, precisions);
  for (std::size_t i = 0; i < precisions.size(); ++i) {
    const LayerCost& cost = costs.layers[i];
    const Precision rule = byRules(cost);
    if (precisions[i] == rule) continue;
    auto changed = precisions;
    changed[i] = rule;
    const double gain = cost.seconds(precisions[i]) - cost.seconds(rule);
    const double change = precisionSeconds(optimized, costs, changed) - whole;
    made.kept.push_back({static_cast<int>(i), (change + gain) * 1e3, gain * 1e3, precisions[i], rule});
  }
  log().debug("precision '{}': {:.3f} ms expected, {} layers not as the rules have them", name, whole * 1e3,
              made.kept.size());
  return made;
}

// Every layer that may run in `precision` so, others in fp32.
std::vector<Precision> allIn(Precision precision, const PrecisionCosts& costs) {
  std::vector<Precision> precisions;
  for (const LayerCost& cost : costs.layers)
    precisions.push_back(cost.may(precision) ? precision : Precision::Fp32);
  return precisions;
}

using Kept = std::vector<std::pair<int, Precision>>;
Kept keptLayers(const PrecisionDecision& decision) {
  Kept layers;
  for (const KeptLayer& kept : decision.kept) layers.emplace_back(kept.layer, kept.precision);
  return layers;
}

}  // namespace

PrecisionSearch::LayerTimes PrecisionSearch::layerTimes(const Graph& graph, const Graph& optimized) const {
  std::map<std::string, int> index;
  for (std::size_t i = 0; i < optimized.layers().size(); ++i)
    index.emplace(optimized.layers()[i].name, static_cast<int>(i));
  LayerTimes times{std::vector<double>(optimized.layers().size()),
                   std::vector<int>(optimized.layers().size(), 1)};
  const Lowered lowered = known_.lower(graph).lowered;
  for (const Step& step : lowered.steps) {
    const std::string name = layerOf(step, index);
    if (name.empty()) continue;
    const auto measured = known_.seconds(*step.family, step.view);
    const int layer = index.at(name);
    times.seconds[layer] +=
        measured && !std::isinf(*measured)
            ? *measured
            : estimateSeconds(step.family->cost(step.family->problem(step.view), known_.caps()),
                              known_.caps());
    times.blocks[layer] = step.view.outputs.at(0).layout.block;
  }
  return times;
}

double PrecisionSearch::measuredSeconds(const OpView& view) {
  const KernelFamily* family = familyFor(view, known_.caps());
  if (!family) return reformatSeconds(view.inputs.at(0), known_.caps());
  if (budget_.elapsed() < kUntilConversions * budget_.searchSeconds())
    trials_.measure({wayOf(*family, view, known_.caps())});
  const auto known = known_.seconds(*family, view);
  return known && !std::isinf(*known)
             ? *known
             : estimateSeconds(family->cost(family->problem(view), known_.caps()), known_.caps());
}

// Codes of a tensor from its floats: a change of layout where the two precisions want different ones, then
// one kernel.
double PrecisionSearch::codesSeconds(const TensorDesc& tensor, int fp32Block, int int8Block) {
  TensorDesc from = tensor;
  from.constant = false;
  from.layout = {tensor.blockable() ? int8Block : 1, 0, 0};
  TensorDesc codes = from;
  codes.type = DataType::Int8;
  const double encode =
      measuredSeconds({"QPointwise",
                       {{"expression", std::string()}, {"scales", std::vector<double>{0.0}}, {"rate", 1.0}},
                       {from},
                       {codes}});
  if (!tensor.blockable() || fp32Block == int8Block) return encode;
  return encode + measuredSeconds(reformatView(tensor, fp32Block, int8Block));
}

// One cast, which changes the layout on its way.
double PrecisionSearch::castSeconds(const TensorDesc& tensor, int fp32Block, int fp16Block) {
  TensorDesc from = tensor;
  from.constant = false;
  from.layout = {tensor.blockable() ? fp32Block : 1, 0, 0};
  TensorDesc half = from;
  half.type = DataType::Float16;
  half.layout.block = tensor.blockable() ? fp16Block : 1;
  return measuredSeconds({"Cast", {{"to", std::string("f16")}}, {from}, {half}});
}

PrecisionCosts PrecisionSearch::costsOf(const Graph& optimized, const Network& rules,
                                        const std::optional<Network>& half) {
  const LayerTimes int8 = layerTimes(rules.graph, optimized), fp32 = layerTimes(optimized, optimized);
  const LayerTimes fp16 = half ? layerTimes(half->graph, optimized) : fp32;
  PrecisionCosts costs;
  for (std::size_t i = 0; i < optimized.layers().size(); ++i)
    costs.layers.push_back({int8.seconds[i], fp32.seconds[i], fp16.seconds[i],
                            rules.precisions.at(i).precision == Precision::Int8,
                            half && half->precisions.at(i).precision == Precision::Fp16});
  for (std::size_t t = 0; t < optimized.tensors().size(); ++t) {
    const auto id = static_cast<TensorId>(t);
    const GraphTensor& tensor = optimized.tensor(id);
    const auto readers = optimized.consumers(id);
    const int producer = optimized.producer(id), nearest = producer >= 0     ? producer
                                                           : readers.empty() ? -1
                                                                             : readers.front();
    const auto borders = [&](Precision precision) {
      const auto may = [&](int layer) { return costs.layers[layer].may(precision); };
      return tensor.type == DataType::Float32 && !tensor.isConstant() && nearest >= 0 &&
             ((producer >= 0 && may(producer)) || std::ranges::any_of(readers, may));
    };
    const int block = producer >= 0 ? fp32.blocks[producer] : 1;
    ConversionCost cost;
    if (borders(Precision::Int8)) cost.codes = codesSeconds(tensor.desc(), block, int8.blocks[nearest]);
    if (borders(Precision::Fp16)) cost.half = castSeconds(tensor.desc(), block, fp16.blocks[nearest]);
    costs.conversions.push_back(cost);
  }
  return costs;
}

void PrecisionSearch::searchAll(const Graph& optimized, const Network& rules,
                                const std::optional<Network>& half) {
  // A network that has nothing open leaves its time to the others.
  std::vector<const Graph*> open;
  for (const Graph* graph : {&rules.graph, &optimized, half ? &half->graph : nullptr})
    if (graph && (graph == &rules.graph || !networks_.nothingOpen(*graph))) open.push_back(graph);
  const auto others = static_cast<double>(open.size() - 1);
  for (std::size_t i = 0; i < open.size(); ++i)
    networks_.search(
        *open[i],
        kUntilSearched * (others == 0 ? 1 : kInt8Share + (1 - kInt8Share) * static_cast<double>(i) / others));
}

std::vector<PrecisionDecision> PrecisionSearch::decisions(const Graph& optimized, const Network& rules,
                                                          const std::optional<Network>& half) {
  searchAll(optimized, rules, half);
  const PrecisionCosts costs = costsOf(optimized, rules, half);
  std::vector<PrecisionDecision> decisions;
  const auto add = [&](const char* name, const std::vector<Precision>& precisions) {
    PrecisionDecision made = decisionOf(optimized, costs, name, precisions);
    const auto same = [&](const PrecisionDecision& d) { return keptLayers(d) == keptLayers(made); };
    if (std::ranges::none_of(decisions, same)) decisions.push_back(std::move(made));
  };
  std::vector<Precision> rule;
  for (const LayerCost& cost : costs.layers) rule.push_back(byRules(cost));
  add("rules", rule);
  add("fp32", allIn(Precision::Fp32, costs));
  if (half) add("fp16", allIn(Precision::Fp16, costs));
  add("cut", cheapestPrecisions(optimized, costs));
  // What Fast decided runs again, so that Full never decides for less.
  if (const auto earlier = known_.decisionOnRecord(rules.graph, half ? Precision::Fp16 : Precision::Fp32);
      earlier && earlier->name == "cut") {
    const auto same = [&](const PrecisionDecision& d) { return keptLayers(d) == keptLayers(*earlier); };
    const auto exists = [&](const KeptLayer& kept) {
      return kept.layer < static_cast<int>(costs.layers.size());
    };
    if (std::ranges::none_of(decisions, same) && std::ranges::all_of(earlier->kept, exists))
      decisions.push_back(*earlier);
  }
  budget_.shareRaces(static_cast<int>(decisions.size()) + 1);
  return decisions;
}

}  // namespace tessera
