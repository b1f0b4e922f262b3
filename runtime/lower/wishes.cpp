// Looking one layer ahead: the channel blocks in which a tensor's readers would take it.
#include <algorithm>
#include <limits>

#include "lower/recipe_chooser.hpp"

namespace tessera {
namespace {

// Families within this much of the fastest one count as equals, less than a reformat costs.
constexpr double kEqualSeconds = 2e-6;

using View = OperatorTraits::View;

bool isView(const Layer& layer) { return traitsOf(layer.op).view == View::Same; }

}  // namespace

const std::vector<Way>& RecipeChooser::fastestWaysOf(const Lowering& lowering, int layer) {
  const auto [known, fresh] = ways_.try_emplace(layer);
  std::vector<Way>& ways = known->second;
  if (!fresh) return ways;
  ways = offeredWays(lowering.viewOf(graph_.layers()[layer]), {});
  double least = std::numeric_limits<double>::max();
  for (const Way& way : ways) least = std::min(least, way.cost.estimate);
  std::erase_if(ways, [&](const Way& way) { return way.cost.estimate > least + kEqualSeconds; });
  return ways;
}

std::optional<std::set<int>> RecipeChooser::wishesOf(const Lowering& lowering, int layer, TensorId tensor) {
  const Layer& reader = graph_.layers()[layer];
  if (isView(reader)) return std::nullopt;  // its own readers count, see reformatsAfter
  std::set<int> blocks;
  if (traitsOf(reader.op).view == View::Reshaped) return std::set<int>{1};
  for (const Way& way : fastestWaysOf(lowering, layer))
    for (std::size_t i = 0; i < reader.inputs.size(); ++i)
      if (reader.inputs[i] == tensor) blocks.insert(way.blocks.inputs.at(i));
  if (blocks.empty()) return std::nullopt;
  return blocks;
}

int RecipeChooser::reformatsAfter(const Lowering& lowering, TensorId tensor, int block, int depth) {
  constexpr int kDeepest = 4;  // views of views
  std::set<std::set<int>> missed;
  int reformats = 0;
  for (const int reader : graph_.consumers(tensor)) {
    const Layer& layer = graph_.layers()[reader];
    if ((isView(layer) || lowering.isSharedConcat(reader)) && depth < kDeepest) {
      // A slice of a shared concat is written in place; what reads the whole decides.
      const bool slices = !lowering.isSharedConcat(reader) || lowering.sliceLayout(tensor, block).has_value();
      reformats += slices ? reformatsAfter(lowering, layer.outputs[0], block, depth + 1) : 1;
      continue;
    }
    const auto wishes = wishesOf(lowering, reader, tensor);
    if (wishes && !wishes->count(block)) missed.insert(*wishes);
  }
  return reformats + static_cast<int>(missed.size());
}

}  // namespace tessera
