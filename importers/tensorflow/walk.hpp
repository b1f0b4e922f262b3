/// \file
/// Walks the nodes of a network of TensorFlow's formats.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "importers/tensorflow/node.hpp"

namespace tessera::tensorflow {

/// Indices of the nodes so that every node follows those it reads from. What NextIteration feeds back counts
/// as no reading: loops are refused by their operators. Throws Error(BadModel) naming the nodes of a cycle, a
/// value that two nodes make, or one that nothing makes.
std::vector<std::size_t> executionOrder(const SourceGraph& source);

class Walker {
 public:
  Walker(const SourceGraph& source, const ImportOptions& options, ImportState& state)
      : source_(source), options_(options), state_(state) {}

  /// The whole network; the builder then holds the graph.
  void run();

 private:
  void addInputs();
  void importNode(const SourceNode& source);
  void importOperator(const SourceNode& source);
  /// The node's operands; false where it is skipped, since one of them is dead or of a node listed already.
  bool operands(const SourceNode& source, std::vector<Held>& inputs);
  void importConstant(const SourceNode& source);
  /// Switch and Merge of a condition that is known.
  bool importControlFlow(const SourceNode& source, const std::vector<Held>& inputs);
  void nameResults(const SourceNode& source, const std::vector<Held>& outputs);
  void reject(const SourceNode& source, const std::string& reason, bool damaged = false);
  void markOutputs();
  void dropUnused();

  const SourceGraph& source_;
  const ImportOptions& options_;
  ImportState& state_;
  std::map<std::string, Held> values_;
  std::set<std::string> unknown_;                  ///< made by nodes that could not be imported
  std::set<std::string> dead_;                     ///< on the side of a Switch that is not taken
  std::map<std::string, std::string> unreadable_;  ///< constants of types that Tessera lacks, and why
};

}  // namespace tessera::tensorflow
