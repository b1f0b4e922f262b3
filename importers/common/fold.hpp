/// \file
/// What importers build graphs with: layers of constants are computed at once, and everything that can not be
/// imported is collected, so that one error lists it all.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// A node of the source model that Tessera can not run.
struct RejectedNode {
  std::string name, type;
  std::string version;  ///< operator set, layer format, ...
  std::string shapes;   ///< of its inputs, as far as they are known
  std::string reason;
};

class ImportBuilder {
 public:
  explicit ImportBuilder(std::string file) : file_(std::move(file)) {}

  /// Adds a layer, or, where every input is a constant, the constants it gives.
  std::vector<TensorId> addAll(const std::string& op, const std::string& name, std::vector<TensorId> inputs,
                               Attributes attrs = {}, std::vector<std::string> outputNames = {});
  /// The first output of addAll.
  TensorId add(const std::string& op, const std::string& name, std::vector<TensorId> inputs,
               Attributes attrs = {}, std::vector<std::string> outputNames = {});
  TensorId constant(const std::string& name, HostTensor value) {
    return graph.addConstant(name, std::move(value));
  }

  /// Value of a constant; null for anything computed at run time, and for kNoTensor.
  const HostTensor* value(TensorId id) const {
    return id == kNoTensor ? nullptr : graph.tensor(id).constant.get();
  }
  const Shape& shape(TensorId id) const { return graph.tensor(id).shape; }
  DataType type(TensorId id) const { return graph.tensor(id).type; }

  /// "f32:1x3x8x8, -" of operands, for messages.
  std::string describe(const std::vector<TensorId>& ids) const;
  void reject(RejectedNode node) { rejected_.push_back(std::move(node)); }
  const std::vector<RejectedNode>& rejected() const { return rejected_; }
  const std::string& file() const { return file_; }

  /// Throws Error(Unsupported) with every rejected node; otherwise drops what no output needs of the
  /// constants, verifies the graph and hands it over.
  Graph finish();

  Graph graph;

 private:
  std::string file_;
  std::vector<RejectedNode> rejected_;
};

}  // namespace tessera
