// clean-transposes: pairs of transposes and of reshapes become one, transposes that only move extents of 1
// become reshapes, and the rest sinks through pointwise layers, concats, slices and pads, to meet the next
// transpose.
#include <algorithm>
#include <numeric>

#include "ops/operator.hpp"
#include "passes/pattern.hpp"

namespace tessera {
namespace {

using Perm = std::vector<std::int64_t>;

const Layer* transposeOf(const EditedGraph& graph, TensorId id) {
  const Layer* layer = producerLayer(graph, id);
  return layer && layer->op == "Transpose" ? layer : nullptr;
}
Perm permOf(const Layer& layer) { return layer.attrs.integers("perm"); }

/// The second of two transposes, or of two reshapes, reads what the first one reads.
bool mergePair(EditedGraph& graph, int index) {
  const Layer& second = graph.layers()[index];
  if (second.op != "Transpose" && second.op != "Reshape") return false;
  const Layer* first = producerLayer(graph, second.inputs[0]);
  if (!first || first->op != second.op) return false;
  Layer merged = second;
  if (second.op == "Transpose") {
    Perm both = permOf(second);
    for (auto& axis : both) axis = permOf(*first).at(axis);
    merged.attrs.set("perm", both);
  }
  merged.inputs[0] = first->inputs[0];
  graph.setLayer(index, std::move(merged));
  return true;
}

/// Axes that are longer than 1 keep their order: nothing moves in memory.
bool reshapeInstead(EditedGraph& graph, int index) {
  const Layer& layer = graph.layers()[index];
  if (layer.op != "Transpose") return false;
  const Shape& shape = graph.tensor(layer.inputs[0]).shape;
  std::int64_t last = -1;
  for (auto axis : permOf(layer)) {
    if (shape[axis] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  become(graph, index, "Reshape", {layer.inputs[0]},
         {{"shape", std::vector<std::int64_t>(graph.tensor(layer.outputs[0]).shape)}});
  return true;
}

bool isPointwise(const Layer& layer) { return layer.outputs.size() == 1 && traitsOf(layer.op).elementwise; }

/// `values` listed for the transposed axes, for the axes as they were.
std::vector<std::int64_t> unpermuted(const std::vector<std::int64_t>& values, const Perm& perm) {
  std::vector<std::int64_t> out(values.size());
  for (std::size_t i = 0; i < perm.size(); ++i) out[perm[i]] = values[i];
  return out;
}

/// A constant that broadcasts against the transposed tensor, as one that does against the tensor before; only
/// moves extents. Nothing where more than one of its extents is longer than 1.
TensorId unpermutedConstant(EditedGraph& graph, TensorId id, const Perm& perm) {
  HostTensor value = *constantValue(graph, id);
  if (std::count_if(value.shape.begin(), value.shape.end(), [](auto extent) { return extent != 1; }) > 1)
    return kNoTensor;
  if (value.size() == 1) return id;
  Shape wide(perm.size() - value.shape.size(), 1);
  wide.insert(wide.end(), value.shape.begin(), value.shape.end());
  value.shape = unpermuted(wide, perm);
  const std::string name = graph.tensor(id).name;
  return graph.addConstant(name, std::move(value));
}

/// Attributes and operands of the layer as it is in front of the transpose; false where it can not be there.
bool beforeTranspose(EditedGraph& graph, Layer& layer, const Perm& perm) {
  if (isPointwise(layer)) return true;
  const auto rank = perm.size();
  if (layer.op == "Concat") {
    layer.attrs.set("axis", perm.at(layer.attrs.integer("axis")));
    return true;
  }
  if (layer.op == "Slice") {
    for (const char* list : {"starts", "sizes", "steps"})
      if (layer.attrs.has(list)) layer.attrs.set(list, unpermuted(layer.attrs.integers(list), perm));
    return true;
  }
  if (layer.op == "Pad") {
    const auto pads = layer.attrs.integers("pads");
    auto moved = unpermuted({pads.begin(), pads.begin() + rank}, perm);
    const auto ends = unpermuted({pads.begin() + rank, pads.end()}, perm);
    moved.insert(moved.end(), ends.begin(), ends.end());
    layer.attrs.set("pads", moved);
    return true;
  }
  return false;
}

/// f(T(a), T(b), constant) = T(f(a, b, constant')).
bool sink(EditedGraph& graph, int index) {
  Layer layer = graph.layers()[index];
  if (layer.inputs.empty() || layer.outputs.size() != 1) return false;
  const auto rank = graph.tensor(layer.outputs[0]).shape.size();
  Perm perm;
  for (TensorId& id : layer.inputs) {
    if (id == kNoTensor) return false;
    if (graph.tensor(id).isConstant()) continue;
    const Layer* transpose = transposeOf(graph, id);
    const auto& readers = graph.consumers(id);
    if (!transpose || graph.isOutput(id) || readers.size() != 1) return false;
    if (!perm.empty() && permOf(*transpose) != perm) return false;
    perm = permOf(*transpose);
  }
  if (perm.size() != rank || !beforeTranspose(graph, layer, perm)) return false;
  for (TensorId& id : layer.inputs) {
    id = graph.tensor(id).isConstant()
             ? (isPointwise(layer) ? unpermutedConstant(graph, id, perm) : kNoTensor)
             : transposeOf(graph, id)->inputs[0];
    if (id == kNoTensor) return false;
  }
  const TensorId result = layer.outputs[0];
  const std::string name = layer.name;
  const TensorId moved = graph.insertBefore(index, layer, graph.tensor(result).name + "/moved");
  graph.setLayer(index, {name + "/transpose", "Transpose", {{"perm", perm}}, {moved}, {result}});
  return true;
}

/// A constant with one value per element of the last axis, as those values alone.
TensorId lastAxisConstant(EditedGraph& graph, TensorId id, std::int64_t extent) {
  const HostTensor* value = constantValue(graph, id);
  if (!value || (value->size() != 1 && (value->size() != extent || value->shape.back() != extent)))
    return kNoTensor;
  HostTensor row = *value;
  row.shape = {row.size()};
  const std::string name = graph.tensor(id).name;
  return graph.addConstant(name, std::move(row));
}

/// More arithmetic than any epilogue takes: looking further would cost time for nothing.
constexpr int kMostArithmetic = 16;

/// Whether `id` comes from a layer with an epilogue, through nothing but some arithmetic with constants.
bool comesFromEpilogue(const EditedGraph& graph, TensorId id) {
  for (int looked = 0; looked < kMostArithmetic; ++looked) {
    const Layer* layer = producerLayer(graph, id);
    if (!layer) return false;
    if (hasEpilogue(*layer)) return true;
    if (!isPointwise(*layer) || layer->inputs.size() > 2) return false;
    const bool second = layer->inputs.size() == 2 && graph.tensor(layer->inputs[0]).isConstant();
    if (layer->inputs.size() == 2 && !second && !graph.tensor(layer->inputs[1]).isConstant()) return false;
    id = layer->inputs[second ? 1 : 0];
    if (soleConsumer(graph, id) < 0) return false;
  }
  return false;
}

/// Arithmetic behind a reshape goes in front of it, where the layer that computes the value can take it:
/// functions of one number, and two operands of which one is a constant along the last axis, which the
/// reshape keeps.
bool sinkReshape(EditedGraph& graph, int index) {
  Layer layer = graph.layers()[index];
  if (!isPointwise(layer) || layer.inputs.empty() || layer.inputs.size() > 2) return false;
  const std::size_t slot = graph.tensor(layer.inputs[0]).isConstant() ? layer.inputs.size() - 1 : 0;
  const int source = graph.producer(layer.inputs[slot]);
  if (source < 0 || graph.layers()[source].op != "Reshape" ||
      soleConsumer(graph, layer.inputs[slot]) != index)
    return false;
  const Layer reshape = graph.layers()[source];
  if (soleConsumer(graph, reshape.inputs[0]) != source || !comesFromEpilogue(graph, reshape.inputs[0]))
    return false;
  const GraphTensor result = graph.tensor(layer.outputs[0]);
  const Shape before = graph.tensor(reshape.inputs[0]).shape;
  if (result.shape != graph.tensor(reshape.outputs[0]).shape || before.empty() || result.shape.empty())
    return false;
  if (layer.inputs.size() == 2) {
    if (before.back() != result.shape.back()) return false;
    TensorId& other = layer.inputs[1 - slot];
    other = lastAxisConstant(graph, other, before.back());
    if (other == kNoTensor) return false;
  }
  layer.inputs[slot] = reshape.inputs[0];
  const TensorId moved = graph.insertBefore(index, layer, graph.tensor(layer.outputs[0]).name + "/moved");
  graph.setLayer(index, {reshape.name, "Reshape", reshape.attrs, {moved}, layer.outputs});
  graph.erase(source);
  return true;
}

bool clean(EditedGraph& graph, int index) {
  return mergePair(graph, index) || reshapeInstead(graph, index) || sink(graph, index) ||
         sinkReshape(graph, index);
}

bool dropUnread(EditedGraph& graph, int index) {
  const Layer& layer = graph.layers()[index];
  if (layer.op != "Transpose" && layer.op != "Reshape") return false;
  if (graph.isOutput(layer.outputs[0]) || !graph.consumers(layer.outputs[0]).empty()) return false;
  graph.erase(index);
  return true;
}

}  // namespace

bool pass_clean_transposes(Graph& graph) {
  const auto moves = [](const Layer& layer) { return layer.op == "Transpose" || layer.op == "Reshape"; };
  if (std::none_of(graph.layers().begin(), graph.layers().end(), moves)) return false;
  const bool changed = sweep(graph, clean);
  if (changed) sweep(graph, dropUnread);
  return changed;
}

}  // namespace tessera
