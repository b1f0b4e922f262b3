/// \file
/// What an import function sees: one node, its attributes and operands, and the means to add layers for it.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "importers/common/layer_maker.hpp"
#include "importers/onnx/tensor_value.hpp"
#include "onnx/onnx.pb.h"

namespace tessera::onnx {

/// Names of sequences stand for ids below kNoTensor, which no tensor has.
inline bool isSequence(TensorId id) { return id < kNoTensor; }
/// Whether an operator can read a sequence at all.
bool takesSequences(std::string_view type);

/// A sequence of tensors: the first `count` of a list that it may share with sequences made from it.
struct Sequence {
  std::shared_ptr<std::vector<TensorId>> list = std::make_shared<std::vector<TensorId>>();
  std::size_t count = 0;

  std::span<const TensorId> view() const { return {list->data(), count}; }
};

/// State shared by all nodes of an import.
struct ImportState {
  ImportState(std::string file, const ImportBudget& budget) : builder(std::move(file), budget) {}
  TensorId addSequence(Sequence sequence) {
    sequences.push_back(std::move(sequence));
    return kNoTensor - static_cast<TensorId>(sequences.size());
  }
  const Sequence& sequence(TensorId id) const {
    return sequences.at(static_cast<std::size_t>(kNoTensor - id - 1));
  }
  /// A type of the format that the model names.
  void note(int onnxType);

  ImportBuilder builder;
  Names tensorNames, layerNames;
  TensorFiles files;  ///< with values of tensors
  bool holdsUnsigned =
      false;  ///< the model names a type of uint16, uint32 or uint64, held in wider signed ones
  std::vector<Sequence> sequences;
  std::set<TensorId> modelNamed;         ///< tensors that carry a name of the model already
  std::map<TensorId, int> elementTypes;  ///< of constants: the format's type, where a wider one holds it
  /// The format's type of an integer tensor; int32 where nothing narrower is known.
  int elementType(TensorId id) const;
};

class Node : public LayerMaker {
 public:
  Node(ImportState& state, const tessera_onnx::Node& proto, int opset, std::vector<TensorId> inputs);

  const std::string& type() const { return proto_.op_type(); }
  int opset() const { return opset_; }

  // Operands.
  std::size_t inputCount() const { return inputs_.size(); }
  bool has(std::size_t i) const { return i < inputs_.size() && inputs_[i] != kNoTensor; }
  TensorId in(std::size_t i) const;  ///< throws Error(BadModel) where the input is absent
  TensorId optional(std::size_t i) const { return has(i) ? inputs_[i] : kNoTensor; }
  const std::vector<TensorId>& inputs() const { return inputs_; }
  const Shape& shape(std::size_t i) const { return shapeOf(in(i)); }
  std::int64_t rank(std::size_t i) const { return static_cast<std::int64_t>(shape(i).size()); }
  /// Value of an input that has to be known at import; throws Error(Unsupported) that says how to get there.
  const HostTensor& constant(std::size_t i, std::string_view what) const;
  std::vector<std::int64_t> constantInts(std::size_t i, std::string_view what) const;
  std::vector<double> constantNumbers(std::size_t i, std::string_view what) const;
  std::int64_t constantInt(std::size_t i, std::string_view what) const;

  // Attributes; a value of another kind than asked for is Error(BadModel).
  bool hasAttribute(std::string_view name) const { return find(name) != nullptr; }
  std::int64_t integer(std::string_view name, std::int64_t fallback) const;
  std::int64_t integer(std::string_view name) const;  ///< throws Error(BadModel) where it is missing
  bool flag(std::string_view name, bool fallback = false) const { return integer(name, fallback) != 0; }
  double number(std::string_view name, double fallback) const;
  std::string string(std::string_view name, const std::string& fallback) const;
  std::vector<std::int64_t> integers(std::string_view name, std::vector<std::int64_t> fallback = {}) const;
  std::vector<double> numbers(std::string_view name, std::vector<double> fallback = {}) const;
  HostTensor tensor(std::string_view name) const;
  const tessera_onnx::Graph& graph(std::string_view name) const;
  const tessera_onnx::Attribute* find(std::string_view name) const;

  // Results.
  std::size_t outputCount() const { return static_cast<std::size_t>(proto_.output_size()); }
  bool wants(std::size_t i) const { return i < outputCount() && !proto_.output(static_cast<int>(i)).empty(); }
  void set(std::size_t i, TensorId id);
  const std::vector<TensorId>& outputs() const { return outputs_; }

  /// add, and its first output is the node's.
  void result(const std::string& op, std::vector<TensorId> operands, Attributes attrs = {}) {
    set(0, add(op, std::move(operands), std::move(attrs)));
  }

  ImportState& state() const { return state_; }

 private:
  ImportState& state_;
  const tessera_onnx::Node& proto_;
  int opset_;
  std::vector<TensorId> inputs_, outputs_;
};

/// One operator of the format: the operator sets `since` to `until` mean what `import` makes of it. Null:
/// control flow, which GraphImporter itself unrolls.
struct Row {
  std::string_view type;
  int since, until;
  void (*import)(Node&);
};
inline constexpr int kNewest = 1 << 20;  ///< `until` of a definition still in force

using RowList = std::vector<Row>;

}  // namespace tessera::onnx
