/// \file
/// A graph while a sweep rewrites it: edits cost what they touch, not what the graph holds.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// Holds the layers of a graph for as long as it lives, and gives them back in order when it goes. Who
/// computes and who reads a tensor is kept up to date by every edit. An index names the same layer all the
/// time: layers that are taken out leave an empty place, new ones come behind all others in the list,
/// wherever they stand in the order.
class EditedGraph {
 public:
  explicit EditedGraph(Graph& graph);
  ~EditedGraph();
  EditedGraph(const EditedGraph&) = delete;
  EditedGraph& operator=(const EditedGraph&) = delete;

  // Looking, as at a Graph.
  const std::vector<Layer>& layers() const { return layers_; }
  const GraphTensor& tensor(TensorId id) const { return std::as_const(graph_).tensor(id); }
  bool isOutput(TensorId id) const { return id != kNoTensor && isOutput_.at(static_cast<std::size_t>(id)); }
  int producer(TensorId id) const {
    return id == kNoTensor ? -1 : producers_.at(static_cast<std::size_t>(id));
  }
  /// In their order, each once.
  const std::vector<int>& consumers(TensorId id) const {
    return id == kNoTensor ? none_ : readers_.at(static_cast<std::size_t>(id));
  }
  /// For functions that look at tensors only: the graph has no layers now.
  operator const Graph&() const { return graph_; }

  // The order of the layers; -1 where there is none.
  int first() const { return next_[kEnd]; }
  int next(int index) const { return next_[place(index)]; }
  /// `steps` layers before the place where layer `index` is or was; the first where there are fewer.
  int before(int index, int steps) const;
  bool comesBefore(int a, int b) const { return keys_[place(a)] < keys_[place(b)]; }

  // Edits.
  GraphTensor& editTensor(TensorId id) { return graph_.tensor(id); }
  Attributes& editAttributes(int index) { return layers_.at(static_cast<std::size_t>(index)).attrs; }
  TensorId addConstant(const std::string& name, HostTensor value);
  void setLayer(int index, Layer layer);
  void erase(int index);
  /// Puts a new layer in front of layer `index`; returns its (first) output, a new tensor of that name.
  TensorId insertBefore(int index, const Layer& layer, const std::string& outputName);
  /// Replaces every use of `from` (graph outputs too) by `to`.
  void replaceUses(TensorId from, TensorId to);

 private:
  static constexpr std::size_t kEnd = 0;  ///< stands before the first and behind the last layer
  static std::size_t place(int index) { return static_cast<std::size_t>(index) + 1; }

  void grow();  ///< after tensors were added
  void count(int index, bool reads);
  void link(int index, std::size_t behind);
  void renumber();

  Graph& graph_;
  std::vector<Layer> layers_;
  std::vector<int> producers_;
  std::vector<std::vector<int>> readers_;
  const std::vector<int> none_;
  std::vector<bool> isOutput_;
  // By place (index + 1): the order as a list. Those taken out still know what was before them.
  std::vector<int> next_, previous_;
  std::vector<bool> gone_;
  std::vector<std::int64_t> keys_;  ///< grow along the order
};

}  // namespace tessera
