// Layouts for a whole graph: the cheapest assignment along chains by dynamic programming. Where a tensor has
// several readers, each carries its part of what came before; the choice then goes backwards, from readers to
// producers.
#include <algorithm>
#include <cmath>
#include <limits>

#include "lower/cost_model.hpp"
#include "lower/lowering.hpp"

namespace tessera {

// Ways without a kernel, in each of the blocks that occur.
std::vector<Lowering::Planned> Lowering::viewWays(int index, const Layer& layer,
                                                  const std::set<int>& blocks) const {
  std::vector<Planned> ways;
  const OpView base = viewOf(layer);
  const bool alike = layer.op == "Identity" || layer.op == "Dropout" || layer.op == "Slice";
  if (concats_.count(index))  // its inputs may be written in place
    for (const int block : blocks) {
      std::int64_t channel = 0;
      bool fits = true;
      for (const TensorDesc& input : base.inputs) {
        fits = fits && channel % block == 0;
        channel += input.shape[1];
      }
      if (fits) ways.push_back({nullptr, BlockChoice::uniform(base, block), 0, 0.0});
    }
  if (alike || layer.op == "Reshape")
    for (const int block : blocks)
      if (alike || block == 1) ways.push_back({nullptr, BlockChoice::uniform(base, block), 0, 0.0});
  return ways;
}

// Every kernel in dense layouts. Measured times are compared with measured ones only: where the model's
// favourite has one, kernels without are left out.
std::vector<Lowering::Planned> Lowering::kernelWays(const Layer& layer) const {
  std::vector<Planned> ways;
  const OpView base = viewOf(layer);
  for (const KernelFamily* family : familiesFor(layer.op))
    for (const BlockChoice& choice : family->blockChoices(base, device_)) {
      const OpView view = withBlocks(base, choice);
      if (!family->applies(view, device_)) continue;
      Planned way{family, choice, estimateSeconds(family->cost(family->problem(view), device_), device_)};
      if (times_) way.measured = times_(*family, view);
      if (family->onlyMeasured() && !way.measured) continue;
      ways.push_back(std::move(way));
    }
  const auto fails = [](const Planned& way) { return way.measured && std::isinf(*way.measured); };
  if (!std::all_of(ways.begin(), ways.end(), fails)) std::erase_if(ways, fails);
  const auto favourite = std::min_element(
      ways.begin(), ways.end(), [](const Planned& a, const Planned& b) { return a.estimate < b.estimate; });
  const bool measured = favourite != ways.end() && favourite->measured;
  if (measured) std::erase_if(ways, [](const Planned& way) { return !way.measured; });
  for (Planned& way : ways) way.seconds = measured ? *way.measured : way.estimate;
  return ways;
}

void Lowering::planLayouts() {
  using Costs = std::map<int, double>;  // by channel block
  const auto& layers = graph_.layers();
  std::vector<std::vector<Planned>> ways(layers.size());
  std::set<int> blocks{1};  // that occur
  for (std::size_t i = 0; i < layers.size(); ++i) {
    ways[i] = kernelWays(layers[i]);
    for (const Planned& way : ways[i])
      for (const auto* side : {&way.blocks.inputs, &way.blocks.outputs})
        blocks.insert(side->begin(), side->end());
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto views = viewWays(static_cast<int>(i), layers[i], blocks);
    ways[i].insert(ways[i].begin(), views.begin(), views.end());
  }

  std::map<TensorId, int> readers;
  for (const Layer& layer : layers)
    for (const TensorId id : layer.inputs) ++readers[id];
  std::map<TensorId, Costs> costs;
  for (const TensorId id : graph_.inputs()) costs[id] = {{1, 0.0}};
  std::map<std::string, double> reformats;
  const auto reformatCost = [&](TensorId id, int from, int to) {
    if (from == to) return 0.0;
    const TensorDesc desc = graph_.tensor(id).desc();
    const auto [it, fresh] =
        reformats.emplace(desc.text() + std::to_string(from) + " " + std::to_string(to), 0);
    if (fresh) it->second = reformatTime(desc, from, to);
    return it->second;
  };
  // A reader's part of the cost to have an input in `block`.
  const auto inputCost = [&](TensorId id, int block) {
    const auto from = costs.find(id);
    if (from == costs.end()) return 0.0;
    double least = std::numeric_limits<double>::max();
    for (const auto& [has, cost] : from->second)
      least = std::min(least, cost / std::max(readers[id], 1) + reformatCost(id, has, block));
    return least;
  };
  const auto costOf = [&](const Layer& layer, const Planned& way) {
    double cost = way.seconds;
    for (std::size_t i = 0; i < layer.inputs.size(); ++i)
      if (layer.inputs[i] != kNoTensor && !graph_.tensor(layer.inputs[i]).isConstant())
        cost += inputCost(layer.inputs[i], way.blocks.inputs[i]);
    return cost;
  };
  for (std::size_t i = 0; i < layers.size(); ++i)
    for (const Planned& way : ways[i]) {
      const double cost = costOf(layers[i], way);
      for (std::size_t o = 0; o < layers[i].outputs.size(); ++o) {
        const auto [it, fresh] = costs[layers[i].outputs[o]].emplace(way.blocks.outputs[o], cost);
        if (!fresh) it->second = std::min(it->second, cost);
      }
    }

  std::map<TensorId, std::set<int>> wanted;
  for (const TensorId id : graph_.outputs()) wanted[id].insert(1);
  for (std::size_t i = layers.size(); i-- > 0;) {
    const Layer& layer = layers[i];
    const Planned* best = nullptr;
    double least = std::numeric_limits<double>::max();
    for (const Planned& way : ways[i]) {
      double cost = costOf(layer, way);
      for (std::size_t o = 0; o < layer.outputs.size(); ++o)
        for (const int block : wanted[layer.outputs[o]])
          cost += reformatCost(layer.outputs[o], way.blocks.outputs[o], block);
      if (cost < least) least = cost, best = &way;
    }
    if (!best) continue;  // lowering says why
    for (std::size_t k = 0; k < layer.inputs.size(); ++k)
      if (layer.inputs[k] != kNoTensor) wanted[layer.inputs[k]].insert(best->blocks.inputs[k]);
    if (best->family) plan_.emplace(static_cast<int>(i), *best);
  }
}

double predictSeconds(const Lowered& lowered, const DeviceCaps& device, const TimeSource& times) {
  double total = 0;
  for (const Step& step : lowered.steps) {
    const auto measured = times ? times(*step.family, step.view) : std::nullopt;
    total += measured ? *measured
                      : estimateSeconds(step.family->cost(step.family->problem(step.view), device), device);
  }
  return total;
}

}  // namespace tessera
