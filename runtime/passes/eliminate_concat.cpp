// eliminate-concat: concats of concats become one; concats along the channels whose inputs may be written
// straight into their slices are marked (in_place), for the lowering to give all of them one buffer.
#include <algorithm>

#include "ops/operator.hpp"
#include "passes/rewrite.hpp"

namespace tessera {
namespace {

bool isConcat(const Layer& layer) { return traitsOf(layer.op).joins; }

/// Puts the inputs of a concat that only this one reads in its place.
bool flatten(Graph& graph, int index) {
  const Layer& outer = graph.layers()[index];
  if (!isConcat(outer)) return false;
  for (std::size_t i = 0; i < outer.inputs.size(); ++i) {
    const int producer = graph.producer(outer.inputs[i]);
    if (producer < 0 || soleConsumer(graph, outer.inputs[i]) != index) continue;
    const Layer& inner = graph.layers()[producer];
    if (!isConcat(inner) || inner.attrs.integer("axis") != outer.attrs.integer("axis")) continue;
    Layer both = outer;
    both.inputs.erase(both.inputs.begin() + static_cast<std::ptrdiff_t>(i));
    both.inputs.insert(both.inputs.begin() + static_cast<std::ptrdiff_t>(i), inner.inputs.begin(),
                       inner.inputs.end());
    replacePair(graph, producer, index, std::move(both));
    return true;
  }
  return false;
}

/// A value whose producer can write anywhere: computed by a layer, in no other concat, no output of the
/// graph.
bool canBeSlice(const Graph& graph, TensorId id, int concat) {
  const Layer* producer = producerLayer(graph, id);
  if (!producer || graph.isOutput(id)) return false;
  // These are views of their inputs, or slices of a buffer of their own.
  if (traitsOf(producer->op).view != OperatorTraits::View::None || isConcat(*producer)) return false;
  const auto readers = graph.consumers(id);
  return std::none_of(readers.begin(), readers.end(),
                      [&](int reader) { return reader != concat && isConcat(graph.layers()[reader]); });
}

bool mark(Graph& graph, int index) {
  const Layer& concat = graph.layers()[index];
  if (!isConcat(concat) || concat.attrs.integer("axis") != 1 || concat.attrs.integer("in_place"))
    return false;
  if (graph.tensor(concat.outputs[0]).shape.size() < 3 || concat.inputs.size() < 2) return false;
  for (TensorId id : concat.inputs)
    if (!canBeSlice(graph, id, index) || std::count(concat.inputs.begin(), concat.inputs.end(), id) != 1)
      return false;
  graph.editLayers()[index].attrs.set("in_place", std::int64_t{1});
  return true;
}

}  // namespace

bool pass_eliminate_concat(Graph& graph) {
  const bool flattened = sweep(graph, flatten);
  return sweep(graph, mark) || flattened;
}

}  // namespace tessera
