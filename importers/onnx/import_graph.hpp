/// \file
/// Walks the nodes of ONNX graphs, functions and branches.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "importers/onnx/node.hpp"
#include "tessera/importer.hpp"

namespace tessera::onnx {

/// The values names stand for inside one graph; inner graphs see the outer's.
struct Scope {
  const Scope* outer = nullptr;
  bool inner = false;  ///< of a function or branch: its names may appear again elsewhere
  std::map<std::string, TensorId> values;
  std::set<std::string> unknown;  ///< made by nodes that could not be imported

  const TensorId* find(const std::string& name) const;
  bool isUnknown(const std::string& name) const;
};

/// "" and "ai.onnx" name the same set of operators.
bool isDefaultDomain(const std::string& domain);

/// A node can not be imported because of nodes inside it that are listed already.
class FollowsFromRejected : public Error {
 public:
  FollowsFromRejected() : Error(ErrorCode::Unsupported, "it holds nodes that are not supported") {}
};

class GraphImporter {
 public:
  GraphImporter(const tessera_onnx::Model& model, ImportState& state, const ImportOptions& options);

  /// The whole model; the builder then holds the graph.
  void run();

 private:
  using Opsets = std::map<std::string, int>;
  using NodeList = google::protobuf::RepeatedPtrField<tessera_onnx::Node>;

  void addInitializers(const tessera_onnx::Graph& graph, Scope& scope);
  /// Shapes of the graph's inputs that are neither initializers nor frozen.
  std::map<std::string, Shape> inputShapes(const tessera_onnx::Graph& graph, const Scope& scope) const;
  void addInput(const tessera_onnx::ValueInfo& input, const std::map<std::string, Shape>& shapes,
                Scope& scope);
  void importNodes(const NodeList& nodes, Scope& scope, const Opsets& opsets);
  void importNode(const tessera_onnx::Node& node, Scope& scope, const Opsets& opsets);
  void importOperator(Node& node, const tessera_onnx::Node& proto);
  /// A node that calls a function of the model: the function's nodes take its place.
  void importFunction(const tessera_onnx::Function& function, const tessera_onnx::Node& call, Scope& scope);
  /// If, Loop and Scan; false for other operators.
  bool importControlFlow(Node& node, const Scope& scope, const Opsets& opsets);
  /// If: the branch of a constant condition, or both and a choice between their results.
  void importIf(Node& node, const Scope& scope, const Opsets& opsets);
  void importLoop(Node& node, const Scope& scope, const Opsets& opsets);
  void importScan(Node& node, const Scope& scope, const Opsets& opsets);
  /// The results of a graph inside a node, with `values` for its inputs. `scope` holds its initializers
  /// already.
  std::vector<TensorId> importBody(const tessera_onnx::Graph& body, const Scope& scope,
                                   std::map<std::string, TensorId> values, const Opsets& opsets);
  std::vector<TensorId> importBranch(const tessera_onnx::Graph& branch, const Scope& scope,
                                     const Opsets& opsets);
  void markOutputs(const tessera_onnx::Graph& graph, const Scope& scope);
  void nameResults(const tessera_onnx::Node& proto, const Node& node, Scope& scope);
  void rejectNode(const tessera_onnx::Node& node, const Scope& scope, const std::string& version,
                  const std::string& reason, bool damaged);
  void reserveNames(const tessera_onnx::Graph& graph);
  std::string where(const tessera_onnx::Node& node) const;

  const tessera_onnx::Model& model_;
  ImportState& state_;
  const ImportOptions& options_;
  std::map<std::pair<std::string, std::string>, const tessera_onnx::Function*> functions_;
  int depth_ = 0;  ///< of functions and branches
};

/// Order in which every node follows those it reads from. Throws Error(BadModel) naming the nodes of a cycle,
/// a value two nodes make, or a value nothing makes.
std::vector<int> executionOrder(const google::protobuf::RepeatedPtrField<tessera_onnx::Node>& nodes,
                                const Scope& scope, const std::string& file);

}  // namespace tessera::onnx
