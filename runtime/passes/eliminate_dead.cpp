// eliminate-dead: layers whose results nothing needs, and pooling indices nothing reads, go.
#include <algorithm>

#include "passes/rewrite.hpp"

namespace tessera {
namespace {

bool needed(const Graph& graph, TensorId id) { return graph.isOutput(id) || !graph.consumers(id).empty(); }

bool dropUnusedIndices(Graph& graph, Layer& layer) {
  if (layer.op != "Pool" || layer.outputs.size() != 2 || needed(graph, layer.outputs[1])) return false;
  layer.attrs.erase("indices");
  layer.outputs.pop_back();
  return true;
}

}  // namespace

bool pass_eliminate_dead(Graph& graph) {
  bool changed = false;
  for (int i = static_cast<int>(graph.layers().size()) - 1; i >= 0; --i) {  // consumers before producers
    Layer& layer = graph.layers()[i];
    if (std::none_of(layer.outputs.begin(), layer.outputs.end(),
                     [&](TensorId id) { return needed(graph, id); })) {
      graph.layers().erase(graph.layers().begin() + i);
      changed = true;
    } else {
      changed |= dropUnusedIndices(graph, layer);
    }
  }
  return changed;
}

}  // namespace tessera
