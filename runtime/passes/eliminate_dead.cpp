// eliminate-dead: layers whose results nothing needs, and pooling indices nothing reads, go.
#include <algorithm>

#include "passes/rewrite.hpp"

namespace tessera {
namespace {

bool dropUnusedIndices(Layer& layer, const std::vector<bool>& needed) {
  if (layer.op != "Pool" || layer.outputs.size() != 2 || needed[layer.outputs[1]]) return false;
  layer.attrs.erase("indices");
  layer.outputs.pop_back();
  return true;
}

}  // namespace

bool pass_eliminate_dead(Graph& graph) {
  auto& layers = graph.editLayers();
  std::vector<bool> needed(graph.tensors().size(), false), dead(layers.size(), false);
  for (TensorId id : graph.outputs()) needed[id] = true;
  bool changed = false;
  for (std::size_t i = layers.size(); i-- > 0;) {  // consumers before producers
    Layer& layer = layers[i];
    dead[i] =
        std::none_of(layer.outputs.begin(), layer.outputs.end(), [&](TensorId id) { return needed[id]; });
    if (dead[i]) {
      changed = true;
      continue;
    }
    changed |= dropUnusedIndices(layer, needed);
    for (TensorId id : layer.inputs)
      if (id != kNoTensor) needed[id] = true;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (!dead[i] && i != kept++) layers[kept - 1] = std::move(layers[i]);
  layers.resize(kept);
  return changed;
}

}  // namespace tessera
