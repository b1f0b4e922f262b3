// A graph while a sweep rewrites it.
#include "passes/edited_graph.hpp"

#include <algorithm>

namespace tessera {
namespace {

/// Room for some thirty layers put at the same place one after another before keys are dealt out anew.
constexpr std::int64_t kSpacing = std::int64_t{1} << 32;

}  // namespace

EditedGraph::EditedGraph(Graph& graph) : graph_(graph), layers_(std::move(graph.editLayers())) {
  graph.editLayers().clear();
  grow();
  for (TensorId id : graph.outputs()) isOutput_[static_cast<std::size_t>(id)] = true;
  const std::size_t places = layers_.size() + 1;
  next_.resize(places), previous_.resize(places), keys_.resize(places), gone_.resize(places);
  const int last = static_cast<int>(layers_.size()) - 1;
  for (int i = -1; i <= last; ++i) {
    next_[place(i)] = i < last ? i + 1 : -1;
    previous_[place(i)] = i < 0 ? last : i - 1;
    keys_[place(i)] = (i + 1) * kSpacing;
    if (i >= 0) count(i, true);
  }
}

EditedGraph::~EditedGraph() {
  std::vector<Layer> ordered;
  ordered.reserve(layers_.size());
  for (int i = first(); i >= 0; i = next(i))
    ordered.push_back(std::move(layers_[static_cast<std::size_t>(i)]));
  graph_.editLayers() = std::move(ordered);
}

int EditedGraph::before(int index, int steps) const {
  if (gone_[place(index)]) --steps;
  while (gone_[place(index)]) index = previous_[place(index)];  // its place is behind one that is left
  if (index < 0) return first();
  for (; steps > 0; --steps) {
    const int previous = previous_[place(index)];
    if (previous < 0) return first();
    index = previous;
  }
  return index;
}

void EditedGraph::grow() {
  const std::size_t tensors = graph_.tensors().size();
  producers_.resize(tensors, -1);
  readers_.resize(tensors);
  isOutput_.resize(tensors, false);
}

void EditedGraph::count(int index, bool reads) {
  const Layer& layer = layers_[static_cast<std::size_t>(index)];
  for (const TensorId id : layer.outputs) {
    if (id == kNoTensor) continue;
    int& producer = producers_.at(static_cast<std::size_t>(id));
    if (reads)
      producer = index;
    else if (producer == index)
      producer = -1;
  }
  for (const TensorId id : layer.inputs) {
    if (id == kNoTensor) continue;
    auto& readers = readers_.at(static_cast<std::size_t>(id));
    const auto at = std::lower_bound(readers.begin(), readers.end(), index,
                                     [&](int a, int b) { return comesBefore(a, b); });
    const bool listed = at != readers.end() && *at == index;
    if (reads && !listed) readers.insert(at, index);
    if (!reads && listed) readers.erase(at);
  }
}

TensorId EditedGraph::addConstant(const std::string& name, HostTensor value) {
  const TensorId id = graph_.addConstant(name, std::move(value));
  grow();
  return id;
}

void EditedGraph::setLayer(int index, Layer layer) {
  count(index, false);
  layers_[static_cast<std::size_t>(index)] = std::move(layer);
  count(index, true);
}

void EditedGraph::erase(int index) {
  count(index, false);
  layers_[static_cast<std::size_t>(index)] = {};
  const int previous = previous_[place(index)], following = next_[place(index)];
  next_[place(previous)] = following;
  previous_[place(following)] = previous;
  gone_[place(index)] = true;
}

void EditedGraph::link(int index, std::size_t behind) {
  const int following = next_[behind];
  const std::int64_t low = keys_[behind];
  const std::int64_t high = following < 0 ? low + 2 * kSpacing : keys_[place(following)];
  next_.push_back(following), previous_.push_back(static_cast<int>(behind) - 1), gone_.push_back(false);
  keys_.push_back(low + (high - low) / 2);
  next_[behind] = index;
  previous_[place(following)] = index;
  if (high - low < 2) renumber();
}

void EditedGraph::renumber() {
  std::int64_t key = 0;
  for (int i = first(); i >= 0; i = next(i)) keys_[place(i)] = key += kSpacing;
}

TensorId EditedGraph::insertBefore(int index, const Layer& layer, const std::string& outputName) {
  graph_.addLayer(layer.op, layer.name, layer.inputs, layer.attrs, {outputName});
  layers_.push_back(std::move(graph_.editLayers().back()));
  graph_.editLayers().pop_back();
  grow();
  const int added = static_cast<int>(layers_.size()) - 1;
  link(added, place(previous_[place(index)]));
  count(added, true);
  return layers_.back().outputs.at(0);
}

void EditedGraph::replaceUses(TensorId from, TensorId to) {
  const auto readers = consumers(from);
  for (const int reader : readers) {
    Layer layer = layers_[static_cast<std::size_t>(reader)];
    std::replace(layer.inputs.begin(), layer.inputs.end(), from, to);
    setLayer(reader, std::move(layer));
  }
  if (!isOutput(from)) return;
  std::replace(graph_.outputs().begin(), graph_.outputs().end(), from, to);
  isOutput_[static_cast<std::size_t>(from)] = false;
  isOutput_[static_cast<std::size_t>(to)] = true;
}

}  // namespace tessera
