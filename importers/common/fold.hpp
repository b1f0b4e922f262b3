/// \file
/// What importers build graphs with: layers of constants are computed at once, and everything that can not be
/// imported is collected, so that one error lists it all.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "importers/common/budget.hpp"
#include "tessera/graph.hpp"

namespace tessera {

/// A node of the source model that can not be imported.
struct RejectedNode {
  std::string name, type;
  std::string version;  ///< operator set, layer format, ...
  std::string shapes;   ///< of its inputs, as far as they are known
  std::string reason;
  bool damaged = false;  ///< it contradicts itself; otherwise Tessera lacks something
};

class ImportBuilder {
 public:
  explicit ImportBuilder(std::string file, const ImportBudget& limits = ImportBudget())
      : budget(limits), file_(std::move(file)) {}

  /// Adds a layer, or, where every input is a constant and the budget has room, the constants it gives.
  std::vector<TensorId> addAll(const std::string& op, const std::string& name, std::vector<TensorId> inputs,
                               Attributes attrs = {}, std::vector<std::string> outputNames = {});
  /// The first output of addAll.
  TensorId add(const std::string& op, const std::string& name, std::vector<TensorId> inputs,
               Attributes attrs = {}, std::vector<std::string> outputNames = {});
  /// A constant whose memory `allocate` gave, or that is small.
  TensorId constant(const std::string& name, HostTensor value) {
    return graph.addConstant(name, std::move(value));
  }
  /// Zeros to fill, for a constant whose size the model decides; throws BudgetExceeded before it takes
  /// memory.
  HostTensor allocate(DataType type, const Shape& shape);
  /// Whether a tensor could be a constant, but was left to the device because the budget had no room.
  bool unfolded(TensorId id) const { return unfolded_.count(id) != 0; }

  /// Value of a constant; null for anything computed at run time, and for kNoTensor.
  const HostTensor* value(TensorId id) const {
    return id == kNoTensor ? nullptr : graph.tensor(id).constant.get();
  }
  const Shape& shape(TensorId id) const { return graph.tensor(id).shape; }
  DataType type(TensorId id) const { return graph.tensor(id).type; }

  /// How to make a tensor known at import: which graph inputs decide it and how to freeze them. For messages.
  std::string howToFix(TensorId id) const;
  /// "f32:1x3x8x8, -" of operands, for messages.
  std::string describe(const std::vector<TensorId>& ids) const;
  void reject(RejectedNode node) { rejected_.push_back(std::move(node)); }
  const std::vector<RejectedNode>& rejected() const { return rejected_; }
  /// One line each, every line after a line break.
  std::string rejectedList() const;
  const std::string& file() const { return file_; }

  /// Throws one Error with every rejected node (BadModel where one is damaged, else Unsupported); otherwise
  /// drops what no output needs of the constants, verifies the graph and hands it over.
  Graph finish();

  Graph graph;
  ImportBudget budget;

 private:
  std::string file_;
  std::vector<RejectedNode> rejected_;
  std::set<TensorId> unfolded_;
  /// What layers of constants gave, by operator with attributes and operands: loops that are unrolled ask for
  /// the same weights in every round.
  using Values = std::vector<std::shared_ptr<const HostTensor>>;
  std::map<std::pair<std::string, Values>, Values> folded_;
};

}  // namespace tessera
