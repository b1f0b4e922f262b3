/// \file
/// What an import function of TensorFlow's operators sees: one node, its attributes and operands, and the
/// means to add layers for it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "importers/common/layer_maker.hpp"
#include "importers/tensorflow/order.hpp"
#include "importers/tensorflow/source.hpp"

namespace tessera::tensorflow {

/// SpaceToBatch whose result a dilated convolution reads.
struct SpaceToBatch {
  Held source;
  std::vector<std::int64_t> block, pads;  ///< per spatial axis; begins, then ends
};

/// How a tensor of codes means numbers: (code - zero) * scale, with one scale, or one per element of an axis
/// of the model.
struct Coding {
  std::vector<float> scales;
  std::vector<std::int64_t> zeros;
  std::int64_t axis = 0;
  DataType type = DataType::UInt8;  ///< i8, u8, or i32 (biases)
};

/// Constant codes, in the model's order.
struct CodedConstant {
  TensorId codes;
  Coding coding;
};

/// State shared by all nodes of an import.
struct ImportState {
  ImportState(std::string file, const ImportBudget& budget) : builder(std::move(file), budget) {}

  ImportBuilder builder;
  Names tensorNames, layerNames;
  std::set<TensorId> modelNamed;  ///< tensors that carry a name of the model already
  std::map<std::pair<TensorId, Order>, TensorId> reordered;  ///< by tensor and perm: made once
  std::map<TensorId, std::pair<TensorId, Order>>
      reorderedFrom;                         ///< the other way: what a tensor was made of, and the perm
  std::map<TensorId, CodedConstant> coded;   ///< by the tensor that is decoded from them
  std::map<TensorId, SpaceToBatch> batched;  ///< by the tensor that holds the blocks
};

class Node : public LayerMaker {
 public:
  Node(ImportState& state, const SourceNode& source, std::vector<Held> inputs);

  const std::string& type() const { return source_.type; }
  const Attributes& attributes() const { return source_.attributes; }

  // Operands.
  std::size_t inputCount() const { return inputs_.size(); }
  bool has(std::size_t i) const { return i < inputs_.size() && inputs_[i].id != kNoTensor; }
  const Held& held(
      std::size_t i) const;  ///< as it is stored; throws Error(BadModel) where the input is absent
  TensorId in(std::size_t i) { return ordered(held(i), {}); }    ///< in the model's order
  Shape shape(std::size_t i) const { return shapeOf(held(i)); }  ///< in the model's axes
  std::int64_t rank(std::size_t i) const { return static_cast<std::int64_t>(shape(i).size()); }
  DataType type(std::size_t i) const { return typeOf(held(i).id); }
  using LayerMaker::shapeOf;
  Shape shapeOf(const Held& value) const { return modelShape(value.order, shapeOf(value.id)); }
  /// A value's tensor in another order: a Transpose, or a Reshape where nothing moves.
  TensorId ordered(const Held& value, const Order& order);
  /// Input i as N, C, spatial axes; channels are last unless data_format says otherwise. Its order is
  /// imageOrder(i).
  TensorId image(std::size_t i) { return ordered(held(i), imageOrder(i)); }
  Order imageOrder(std::size_t i) const;
  /// Whether data_format puts the channels last.
  bool channelsLast() const;

  /// Value of an input that has to be known at import; throws Error(Unsupported) that says how to get there.
  const HostTensor& constant(std::size_t i, std::string_view what);
  std::vector<std::int64_t> constantInts(std::size_t i, std::string_view what);
  std::int64_t constantInt(std::size_t i, std::string_view what);
  double constantNumber(std::size_t i, std::string_view what);

  /// Entries of a list attribute for the spatial axes: those of N and C have to be 1. One entry per spatial
  /// axis is taken as it is.
  std::vector<std::int64_t> spatial(std::string_view name, std::size_t rank, std::int64_t fallback = 1) const;
  /// An element type that an attribute names.
  DataType dataType(std::string_view name, DataType fallback) const;

  // Results.
  std::size_t outputCount() const { return source_.outputs.size(); }
  void set(std::size_t i, TensorId id, Order order = {});
  void set(std::size_t i, const Held& value) { set(i, value.id, value.order); }
  const std::vector<Held>& outputs() const { return outputs_; }
  /// add, and its first output is the node's.
  void result(const std::string& op, std::vector<TensorId> operands, Attributes attrs = {},
              Order order = {}) {
    set(0, add(op, std::move(operands), std::move(attrs)), std::move(order));
  }
  /// A value under another shape of as many elements, both in the model's axes; keeps the order where it can.
  Held reshaped(const Held& value, const Shape& shape, const std::string& part = {});

  /// The layer that makes a tensor, where it is one of those added last; else null. For foldings of
  /// neighbours.
  const Layer* recentMaker(TensorId id) const;

  ImportState& state() const { return state_; }

 private:
  ImportState& state_;
  const SourceNode& source_;
  std::vector<Held> inputs_, outputs_;
};

/// One operator: what `import` makes of it.
struct Row {
  std::string_view type;
  void (*import)(Node&);
  std::string_view notes = {};  ///< for the documentation
};

using RowList = std::vector<Row>;

}  // namespace tessera::tensorflow
