// eliminate-concat: concats of concats become one; concats along the channels whose inputs may be written
// straight into their slices are marked (in_place), for the lowering to give all of them one buffer.
#include <algorithm>

#include "ops/operator.hpp"
#include "passes/rewrite.hpp"

namespace tessera {
namespace {

bool isConcat(const Layer& layer) { return traitsOf(layer.op).joins; }

/// The concat of `axis` that makes `id`, where nothing but layer `reader` reads it; -1 where there is none.
int innerConcat(const EditedGraph& graph, TensorId id, int reader, std::int64_t axis) {
  const int producer = graph.producer(id);
  if (producer < 0) return -1;
  const Layer& inner = graph.layers()[producer];
  const bool joins = isConcat(inner) && inner.attrs.integer("axis") == axis;
  return joins && soleConsumer(graph, id) == reader ? producer : -1;
}

/// Puts what concats join that only this one reads in their place, however deep they are nested: all at once
/// at the outermost, since doing it one by one would copy the lists over and over.
bool flatten(EditedGraph& graph, int index) {
  const Layer& outer = graph.layers()[index];
  if (!isConcat(outer)) return false;
  const std::int64_t axis = outer.attrs.integer("axis");
  const int reader = soleConsumer(graph, outer.outputs[0]);
  if (reader >= 0 && isConcat(graph.layers()[reader]) && graph.layers()[reader].attrs.integer("axis") == axis)
    return false;  // its turn comes with the one that reads it
  std::vector<TensorId> flat;
  std::vector<int> inner;
  std::vector<std::pair<TensorId, int>>
      open;  // tensors still to be looked at, the next one last; their readers
  const auto enter = [&](int concat) {
    const auto& inputs = graph.layers()[concat].inputs;
    for (std::size_t i = inputs.size(); i-- > 0;) open.emplace_back(inputs[i], concat);
  };
  enter(index);
  while (!open.empty()) {
    const auto [id, reader] = open.back();
    open.pop_back();
    const int concat = innerConcat(graph, id, reader, axis);
    if (concat < 0) {
      flat.push_back(id);
    } else {
      inner.push_back(concat);
      enter(concat);
    }
  }
  if (inner.empty()) return false;
  Layer both = outer;
  both.inputs = std::move(flat);
  for (const int concat : inner) graph.erase(concat);
  graph.setLayer(index, std::move(both));
  return true;
}

/// A value whose producer can write anywhere: computed by a layer, in no other concat, no output of the
/// graph.
bool canBeSlice(const EditedGraph& graph, TensorId id, int concat) {
  const Layer* producer = producerLayer(graph, id);
  if (!producer || graph.isOutput(id)) return false;
  // These are views of their inputs, or slices of a buffer of their own.
  if (traitsOf(producer->op).view != OperatorTraits::View::None || isConcat(*producer)) return false;
  const auto& readers = graph.consumers(id);
  return std::none_of(readers.begin(), readers.end(),
                      [&](int reader) { return reader != concat && isConcat(graph.layers()[reader]); });
}

bool mark(EditedGraph& graph, int index) {
  const Layer& concat = graph.layers()[index];
  if (!isConcat(concat) || concat.attrs.integer("axis") != 1 || concat.attrs.integer("in_place"))
    return false;
  if (graph.tensor(concat.outputs[0]).shape.size() < 3 || concat.inputs.size() < 2) return false;
  for (TensorId id : concat.inputs)
    if (!canBeSlice(graph, id, index) || std::count(concat.inputs.begin(), concat.inputs.end(), id) != 1)
      return false;
  graph.editAttributes(index).set("in_place", std::int64_t{1});
  return true;
}

}  // namespace

bool pass_eliminate_concat(Graph& graph) {
  const bool flattened = sweep(graph, flatten);
  return sweep(graph, mark) || flattened;
}

}  // namespace tessera
