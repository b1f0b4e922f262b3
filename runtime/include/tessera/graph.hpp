/// \file
/// The layer graph: what importers make, passes rewrite and lowering reads.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/attributes.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

class TensorUses;
class TensorNames;
/// Index into Graph::tensors().
using TensorId = std::int32_t;
inline constexpr TensorId kNoTensor = -1;  ///< an optional input that is absent

/// One value of the graph: a constant, a graph input, or the output of a layer.
struct GraphTensor {
  std::string name;                ///< the source model's, where it has one
  DataType type = DataType::None;  ///< of the elements
  Shape shape;                     ///< the most there can be, where a count says how much means something
  std::shared_ptr<const HostTensor> constant;  ///< set for constants only; shared between copies of the graph

  bool isConstant() const { return constant != nullptr; }  ///< its value is known
  /// In planar layout.
  TensorDesc desc() const { return {type, shape, {}, isConstant()}; }
};

/// One operator applied to tensors. docs/operators.md lists operators, their inputs and attributes.
struct Layer {
  std::string name;  ///< the source model's name; fused layers keep the name of the one that computes
  std::string op;    ///< the operator's name
  Attributes attrs;  ///< those that are missing have the operator's defaults
  std::vector<TensorId> inputs;   ///< kNoTensor for an absent optional input
  std::vector<TensorId> outputs;  ///< as many as the operator has
};

/// A directed acyclic graph in topological order. Plain value: copying is cheap, since constants are shared.
class Graph {
 public:
  std::string name;  ///< the model's; goes into messages and caches

  /// Appends an input of the network. Throws Error(InvalidArgument) where elementCount() does.
  TensorId addInput(const std::string& tensorName, DataType type, Shape shape);
  /// Adds a tensor whose value is known. Throws as HostTensor::check() does.
  TensorId addConstant(const std::string& tensorName, HostTensor value);
  /// Appends a layer, infers its outputs' types and shapes and creates them (named outputNames, or
  /// `<layer>:<i>`). Throws Error(InvalidArgument) naming layer and reason where the operator refuses.
  const Layer& addLayer(const std::string& op, const std::string& layerName, std::vector<TensorId> inputs,
                        Attributes attrs = {}, std::vector<std::string> outputNames = {});
  /// Shorthand for addLayer(...).outputs[0].
  TensorId add(const std::string& op, const std::string& layerName, std::vector<TensorId> inputs,
               Attributes attrs = {}, std::vector<std::string> outputNames = {});
  void markOutput(TensorId tensor);  ///< appends to outputs()

  const std::vector<GraphTensor>& tensors() const { return tensors_; }  ///< by TensorId
  const std::vector<Layer>& layers() const { return layers_; }          ///< producers before consumers
  const std::vector<TensorId>& inputs() const { return inputs_; }       ///< in the model's order
  const std::vector<TensorId>& outputs() const { return outputs_; }     ///< in the model's order
  const GraphTensor& tensor(TensorId id) const;                         ///< of an id that the graph has
  /// For edits. As with editLayers(), what it refers to must not be renamed after the next findTensor().
  GraphTensor& tensor(TensorId id);
  /// For edits. References into the list must not be written through after the next look-up of a producer or
  /// consumer: take them anew. verify() finds such writes.
  std::vector<Layer>& editLayers() {
    index_.drop();
    return layers_;
  }
  std::vector<TensorId>& outputs() { return outputs_; }  ///< for edits
  std::vector<TensorId>& inputs() { return inputs_; }    ///< for edits

  /// The first tensor of that name, kNoTensor where there is none; by an index made at the first look-up.
  TensorId findTensor(std::string_view tensorName) const;
  bool isOutput(TensorId id) const;  ///< of the network
  int producer(TensorId id) const;   ///< index of the layer that computes it; -1 for inputs, constants
  std::vector<int> consumers(TensorId id) const;  ///< indices of the layers that read it, in order
  /// Operands of layers that producer() and consumers() had to look at so far: all of them once after an
  /// edit.
  std::size_t lookUpWork() const { return index_.work(); }

  /// Replaces every use of `from` (graph outputs too) by `to`.
  void replaceUses(TensorId from, TensorId to);
  /// Infers the outputs of layer `index` anew, after its attributes or inputs changed.
  void reinfer(int index);
  /// Drops tensors nothing refers to and renumbers; keeps inputs.
  void compact();
  /// Checks every invariant (order, types, shapes, single producer); throws Error(Internal) that says which
  /// broke.
  void verify() const;
  /// Stable dump, one line a layer; equal graphs give equal text. Constants appear with a hash of their
  /// bytes.
  std::string text() const;
  /// Hash of structure, shapes and constants.
  std::uint64_t hash() const;

 private:
  /// Answers producer() and consumers(), and findTensor(). Each made by the first look-up after an edit, on
  /// any thread; copies of the graph share them.
  class Index {
   public:
    Index() = default;
    Index(const Index& other);
    Index& operator=(const Index& other);
    std::shared_ptr<const TensorUses> of(const Graph& graph) const;
    std::shared_ptr<const TensorNames> namesOf(const Graph& graph) const;
    void drop();       ///< layers are edited
    void dropNames();  ///< tensors are
    std::size_t work() const;
    /// Whether what was made before is what would be made now.
    bool current(const Graph& graph) const;

   private:
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const TensorUses> uses_;
    mutable std::shared_ptr<const TensorNames> names_;
    mutable std::size_t work_ = 0;
  };
  bool indexIsCurrent() const;

  std::vector<GraphTensor> tensors_;
  std::vector<Layer> layers_;
  std::vector<TensorId> inputs_, outputs_;
  Index index_;
};

}  // namespace tessera
