// Layouts for a whole graph: the cheapest assignment along chains by dynamic programming. Where a tensor has
// several readers, each carries its part of what came before; the choice then goes backwards, from readers to
// producers.
#include <algorithm>
#include <limits>

#include "lower/recipe_chooser.hpp"

namespace tessera {
namespace {

using ReformatCost = std::function<double(const TensorDesc&, int from, int to)>;

// Ways of a layer that needs no kernel, in each of the blocks that occur.
std::vector<Way> viewWays(const Lowering& lowering, int index, const std::set<int>& blocks) {
  std::vector<Way> ways;
  const Layer& layer = lowering.graph().layers()[index];
  const OpView base = lowering.viewOf(layer);
  using View = OperatorTraits::View;
  const View view = traitsOf(layer.op).view;
  const bool alike = view == View::Same || view == View::Part;
  const auto add = [&](int block) { ways.push_back({nullptr, BlockChoice::uniform(base, block), {}, {}}); };
  if (lowering.isSharedConcat(index))  // its inputs may be written in place
    for (const int block : blocks) {
      std::int64_t channel = 0;
      bool fits = true;
      for (const TensorDesc& input : base.inputs) {
        fits = fits && channel % block == 0;
        channel += input.shape[1];
      }
      if (fits) add(block);
    }
  if (alike || view == View::Reshaped)
    for (const int block : blocks)
      if (alike || block == 1) add(block);
  return ways;
}

// Costs of tensors by channel block, forwards; then the blocks that readers want, backwards.
class LayoutPlan {
 public:
  LayoutPlan(const Graph& graph, const std::vector<std::vector<Way>>& ways, ReformatCost reformat)
      : graph_(graph), ways_(ways), reformat_(std::move(reformat)) {
    for (const Layer& layer : graph_.layers())
      for (const TensorId id : layer.inputs) ++readers_[id];
  }

  // By layer index; null where nothing runs the layer.
  std::vector<const Way*> best() {
    forwards();
    return backwards();
  }

 private:
  void forwards() {
    for (const TensorId id : graph_.inputs()) costs_[id] = {{1, 0.0}};
    for (std::size_t i = 0; i < ways_.size(); ++i) {
      const Layer& layer = graph_.layers()[i];
      for (const Way& way : ways_[i]) {
        const double cost = costOf(layer, way);
        for (std::size_t o = 0; o < layer.outputs.size(); ++o) {
          const auto [it, fresh] = costs_[layer.outputs[o]].emplace(way.blocks.outputs[o], cost);
          if (!fresh) it->second = std::min(it->second, cost);
        }
      }
    }
  }

  std::vector<const Way*> backwards() {
    std::vector<const Way*> chosen(ways_.size(), nullptr);
    std::map<TensorId, std::set<int>> wanted;
    for (const TensorId id : graph_.outputs()) wanted[id].insert(1);
    for (std::size_t i = ways_.size(); i-- > 0;) {
      const Layer& layer = graph_.layers()[i];
      double least = std::numeric_limits<double>::max();
      for (const Way& way : ways_[i]) {
        double cost = costOf(layer, way);
        for (std::size_t o = 0; o < layer.outputs.size(); ++o)
          for (const int block : wanted[layer.outputs[o]])
            cost += reformatCost(layer.outputs[o], way.blocks.outputs[o], block);
        if (cost < least) least = cost, chosen[i] = &way;
      }
      if (!chosen[i]) continue;  // lowering says why
      for (std::size_t k = 0; k < layer.inputs.size(); ++k)
        if (layer.inputs[k] != kNoTensor) wanted[layer.inputs[k]].insert(chosen[i]->blocks.inputs[k]);
    }
    return chosen;
  }

  double reformatCost(TensorId id, int from, int to) {
    if (from == to) return 0;
    const TensorDesc desc = graph_.tensor(id).desc();
    const auto [it, fresh] =
        reformats_.emplace(desc.text() + std::to_string(from) + " " + std::to_string(to), 0);
    if (fresh) it->second = reformat_(desc, from, to);
    return it->second;
  }

  // A reader's part of the cost to have an input in `block`.
  double inputCost(TensorId id, int block) {
    const auto from = costs_.find(id);
    if (from == costs_.end()) return 0;
    double least = std::numeric_limits<double>::max();
    for (const auto& [has, cost] : from->second)
      least = std::min(least, cost / std::max(readers_[id], 1) + reformatCost(id, has, block));
    return least;
  }

  double costOf(const Layer& layer, const Way& way) {
    double cost = way.cost.estimate;
    for (std::size_t i = 0; i < layer.inputs.size(); ++i)
      if (layer.inputs[i] != kNoTensor && !graph_.tensor(layer.inputs[i]).isConstant())
        cost += inputCost(layer.inputs[i], way.blocks.inputs[i]);
    return cost;
  }

  const Graph& graph_;
  const std::vector<std::vector<Way>>& ways_;
  const ReformatCost reformat_;
  std::map<TensorId, int> readers_;
  std::map<TensorId, std::map<int, double>> costs_;
  std::map<std::string, double> reformats_;
};

}  // namespace

// Ways of every layer, those without a kernel first; `estimate` holds the seconds that count.
std::vector<std::vector<Way>> RecipeChooser::allWays(const Lowering& lowering) const {
  std::vector<std::vector<Way>> all;
  std::set<int> blocks{1};  // that occur
  for (const Layer& layer : graph_.layers()) {
    auto ways = offeredWays(lowering.viewOf(layer), times_);
    std::vector<WayCost> costs;
    for (const Way& way : ways) costs.push_back(way.cost);
    const auto seconds = comparableSeconds(costs);
    std::vector<Way> kept;
    for (std::size_t i = 0; i < ways.size(); ++i)
      if (seconds[i]) {
        ways[i].cost.estimate = *seconds[i];
        kept.push_back(std::move(ways[i]));
      }
    for (const Way& way : kept)
      for (const auto* side : {&way.blocks.inputs, &way.blocks.outputs})
        blocks.insert(side->begin(), side->end());
    all.push_back(std::move(kept));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto views = viewWays(lowering, static_cast<int>(i), blocks);
    all[i].insert(all[i].begin(), views.begin(), views.end());
  }
  return all;
}

void RecipeChooser::planLayouts(const Lowering& lowering) {
  const auto ways = allWays(lowering);
  LayoutPlan plan(graph_, ways,
                  [this](const TensorDesc& t, int from, int to) { return reformatTime(t, from, to); });
  const auto best = plan.best();
  for (std::size_t i = 0; i < best.size(); ++i)
    if (best[i] && best[i]->family) plan_.emplace(static_cast<int>(i), *best[i]);
}

}  // namespace tessera
