// fuse-residual: a sum of two tensors of one shape goes into the epilogue of the layer that computes one of
// them. Of two that could take it the later one does, since the sum has to wait for it anyway.
#include <algorithm>

#include "passes/rewrite.hpp"

namespace tessera {
namespace {

/// Index of the layer with an epilogue that can add `other` to what it computes; -1 where there is none.
int adderOf(const EditedGraph& graph, int sum, TensorId computed, TensorId other) {
  const int index = graph.producer(computed);
  if (index < 0 || soleConsumer(graph, computed) != sum || graph.tensor(other).isConstant()) return -1;
  const Layer& layer = graph.layers()[index];
  if (!hasEpilogue(layer) || !layer.attrs.string("activation").empty() ||
      inputAt(layer, kResidualInput) != kNoTensor)
    return -1;
  return index;
}

bool fuseSum(EditedGraph& graph, int index) {
  const Layer& sum = graph.layers()[index];
  if (sum.op != "Add" || sum.inputs[0] == sum.inputs[1]) return false;
  const auto& output = graph.tensor(sum.outputs[0]);
  for (TensorId id : sum.inputs)
    if (graph.tensor(id).shape != output.shape || graph.tensor(id).type != DataType::Float32) return false;
  const int first = adderOf(graph, index, sum.inputs[0], sum.inputs[1]);
  const int second = adderOf(graph, index, sum.inputs[1], sum.inputs[0]);
  if (first < 0 && second < 0) return false;
  const int chosen = first < 0 || (second >= 0 && graph.comesBefore(first, second)) ? second : first;
  Layer layer = graph.layers()[chosen];
  setInput(layer, kResidualInput, sum.inputs[chosen == first ? 1 : 0]);
  replacePair(graph, chosen, index, std::move(layer));
  return true;
}

}  // namespace

bool pass_fuse_residual(Graph& graph) { return sweep(graph, fuseSum); }

}  // namespace tessera
