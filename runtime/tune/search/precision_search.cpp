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

// Shares of the time after which the search in INT8, that in fp32 and the measuring of conversions are over;
// what was decided then has the rest.
constexpr double kUntilInt8 = 0.45, kUntilFp32 = 0.85, kUntilConversions = 0.92;

// The layer of the network that a step belongs to: its own name, or with an activation's behind it.
std::string layerOf(const Step& step, const std::map<std::string, int>& layers) {
  if (step.reformat) return {};
  if (layers.count(step.layer)) return step.layer;
  const auto slash = step.layer.rfind('/');
  if (slash == std::string::npos) return {};
  const std::string part = step.layer.substr(slash + 1), front = step.layer.substr(0, slash);
  return part != "encode" && part != "decode" && layers.count(front) ? front : std::string();
}

// The layers with labels run in INT8, the others in fp32, for each of which it says what it alone in INT8
// would change.
PrecisionDecision decisionOf(const Graph& optimized, const PrecisionCosts& costs, const std::string& name,
                             const std::vector<bool>& labels) {
  PrecisionDecision made{name, {}, 0, 0};
  const double whole = precisionSeconds(optimized, costs, labels);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!costs.layers[i].free || labels[i]) continue;
    auto flipped = labels;
    flipped[i] = true;
    const double gain = costs.layers[i].fp32 - costs.layers[i].int8;
    const double change = precisionSeconds(optimized, costs, flipped) - whole;
    made.kept.push_back({static_cast<int>(i), (change + gain) * 1e3, gain * 1e3});
  }
  log().debug("precision '{}': {:.3f} ms expected, {} layers kept in fp32", name, whole * 1e3,
              made.kept.size());
  return made;
}

std::vector<int> keptLayers(const PrecisionDecision& decision) {
  std::vector<int> layers;
  for (const KeptLayer& kept : decision.kept) layers.push_back(kept.layer);
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
double PrecisionSearch::conversionSeconds(const TensorDesc& tensor, int fp32Block, int int8Block) {
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

PrecisionCosts PrecisionSearch::costsOf(const Graph& optimized, const Graph& rules,
                                        const std::vector<LayerPrecision>& report) {
  const LayerTimes int8 = layerTimes(rules, optimized), fp32 = layerTimes(optimized, optimized);
  PrecisionCosts costs;
  for (std::size_t i = 0; i < optimized.layers().size(); ++i)
    costs.layers.push_back({int8.seconds[i], fp32.seconds[i], report.at(i).precision == Precision::Int8});
  const auto free = [&](int layer) { return costs.layers[layer].free; };
  for (std::size_t t = 0; t < optimized.tensors().size(); ++t) {
    const auto id = static_cast<TensorId>(t);
    const auto readers = optimized.consumers(id);
    const int producer = optimized.producer(id);
    const bool border =
        optimized.tensor(id).type == DataType::Float32 && !optimized.tensor(id).isConstant() &&
        ((producer >= 0 && free(producer)) || std::any_of(readers.begin(), readers.end(), free));
    const int nearest = producer >= 0 ? producer : readers.empty() ? -1 : readers.front();
    costs.conversions.push_back(border && nearest >= 0
                                    ? conversionSeconds(optimized.tensor(id).desc(),
                                                        producer >= 0 ? fp32.blocks[producer] : 1,
                                                        int8.blocks[nearest])
                                    : 0);
  }
  return costs;
}

std::vector<PrecisionDecision> PrecisionSearch::decisions(const Graph& optimized, const Graph& rules,
                                                          const std::vector<LayerPrecision>& report) {
  networks_.search(rules, networks_.nothingOpen(optimized) ? kUntilFp32 : kUntilInt8);
  networks_.search(optimized, kUntilFp32);
  const PrecisionCosts costs = costsOf(optimized, rules, report);
  const std::size_t count = costs.layers.size();
  std::vector<bool> all;
  for (const LayerCost& cost : costs.layers) all.push_back(cost.free);
  std::vector<PrecisionDecision> decisions{
      decisionOf(optimized, costs, "rules", all),
      decisionOf(optimized, costs, "cut", cheapestPrecisions(optimized, costs)),
      decisionOf(optimized, costs, "fp32", std::vector<bool>(count, false))};
  if (decisions[1].kept.empty() || decisions[1].kept.size() == decisions[2].kept.size())
    decisions.erase(decisions.begin() + 1);
  if (decisions.back().kept.empty()) decisions.pop_back();  // nothing could run in INT8
  // What Fast decided runs again, so that Full never decides for less.
  if (const auto earlier = known_.decisionOnRecord(rules); earlier && earlier->name == "cut") {
    const std::vector<int> layers = keptLayers(*earlier);
    const auto same = [&](const PrecisionDecision& d) { return keptLayers(d) == layers; };
    const auto exists = [&](int layer) { return layer < static_cast<int>(count); };
    if (std::none_of(decisions.begin(), decisions.end(), same) &&
        std::all_of(layers.begin(), layers.end(), exists))
      decisions.push_back(*earlier);
  }
  budget_.shareRaces(static_cast<int>(decisions.size()) + 1);
  return decisions;
}

}  // namespace tessera
