// fold-constants: a layer whose inputs are all constants is computed now.
#include <algorithm>

#include "graph/evaluate.hpp"
#include "passes/rewrite.hpp"

namespace tessera {
namespace {

/// Results beyond this are kept as layers where they are larger than what they are made of (Expand, Tile).
constexpr std::int64_t kMaxGrowth = 1 << 20;

bool foldLayer(Graph& graph, int index) {
  const Layer& layer = graph.layers()[index];
  if (layer.inputs.empty() || layer.op == "NonMaxSuppression") return false;  // its length depends on values
  std::int64_t given = 0, made = 0;
  for (TensorId id : layer.inputs) {
    if (id == kNoTensor) continue;
    if (!graph.tensor(id).isConstant()) return false;
    given += graph.tensor(id).constant->size();
  }
  for (TensorId id : layer.outputs) {
    if (graph.isOutput(id)) return false;  // an output is always computed by a layer
    made += elementCount(graph.tensor(id).shape);
  }
  if (made > std::max(kMaxGrowth, given)) return false;

  std::vector<HostTensor> operands;
  for (TensorId id : layer.inputs)
    operands.push_back(id == kNoTensor ? HostTensor{} : *graph.tensor(id).constant);
  auto results = evaluateLayer(graph, layer, operands);
  for (std::size_t i = 0; i < results.size(); ++i)
    graph.tensor(layer.outputs[i]).constant = std::make_shared<const HostTensor>(std::move(results[i]));
  graph.layers().erase(graph.layers().begin() + index);
  return true;
}

}  // namespace

bool pass_fold_constants(Graph& graph) { return sweep(graph, foldLayer); }

}  // namespace tessera
