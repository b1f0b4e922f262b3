// Functions and branches: nodes that stand for nodes.
#include "importers/onnx/import_graph.hpp"

namespace tessera::onnx {
namespace {

constexpr int kDeepest = 32;  ///< a damaged model may call itself

/// Counts how deep functions and branches are nested.
class Nesting {
 public:
  explicit Nesting(int& depth) : depth_(depth) {
    if (depth_ >= kDeepest)
      throw Error(ErrorCode::BadModel,
                  "functions and branches are nested more than " + std::to_string(kDeepest) + " deep");
    ++depth_;
  }
  ~Nesting() { --depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  int& depth_;
};

void setAttribute(tessera_onnx::Node& node, const tessera_onnx::Attribute& value, const std::string& name) {
  auto* added = node.add_attribute();
  *added = value;
  added->set_name(name);
  added->clear_ref_attr_name();
}

/// A function's node with the caller's attributes in the places that refer to them.
tessera_onnx::Node bound(const tessera_onnx::Node& node,
                         const std::map<std::string, tessera_onnx::Attribute>& given) {
  tessera_onnx::Node out = node;
  out.clear_attribute();
  for (const auto& attribute : node.attribute()) {
    if (attribute.ref_attr_name().empty()) {
      *out.add_attribute() = attribute;
    } else if (const auto it = given.find(attribute.ref_attr_name()); it != given.end()) {
      setAttribute(out, it->second, attribute.name());
    }
  }
  return out;
}

}  // namespace

void GraphImporter::importFunction(const tessera_onnx::Function& function, const tessera_onnx::Node& call,
                                   Scope& scope) {
  const Nesting nesting(depth_);
  state_.builder.budget.fold(static_cast<double>(function.ByteSizeLong()));  // its nodes are copied
  Opsets opsets;
  for (const auto& set : function.opset_import())
    opsets[isDefaultDomain(set.domain()) ? "" : set.domain()] = static_cast<int>(set.version());
  std::map<std::string, tessera_onnx::Attribute> given;
  for (const auto& attribute : function.attribute_proto()) given[attribute.name()] = attribute;
  for (const auto& attribute : call.attribute()) given[attribute.name()] = attribute;

  Scope inner;  // a function sees its inputs only
  inner.inner = true;
  const auto before = static_cast<TensorId>(state_.builder.graph.tensors().size());
  std::set<std::string> absent;
  for (int i = 0; i < function.input_size(); ++i) {
    const std::string outer = i < call.input_size() ? call.input(i) : std::string();
    if (!outer.empty())
      inner.values[function.input(i)] = *scope.find(outer);
    else
      absent.insert(function.input(i));
  }
  NodeList nodes;
  for (const auto& node : function.node()) {
    auto* added = nodes.Add();
    *added = bound(node, given);
    for (auto& input : *added->mutable_input())
      if (absent.count(input)) input.clear();
    const std::string caller = !call.name().empty() ? call.name()
                               : call.output_size() ? call.output(0)
                                                    : function.name();
    added->set_name(caller + "/" + (node.name().empty() ? node.op_type() : node.name()));
  }
  importNodes(nodes, inner, opsets);
  for (int i = 0; i < call.output_size() && i < function.output_size(); ++i) {
    if (call.output(i).empty()) continue;
    if (const TensorId* id = inner.find(function.output(i))) {
      scope.values[call.output(i)] = *id;
      if (*id >= before && !isSequence(*id))
        state_.builder.graph.tensor(*id).name =
            scope.inner ? state_.tensorNames.unique(call.output(i)) : call.output(i);
    } else if (inner.isUnknown(function.output(i))) {
      scope.unknown.insert(call.output(i));
    } else {
      throw Error(ErrorCode::BadModel, "the function never makes its output '" + function.output(i) + "'");
    }
  }
}

std::vector<TensorId> GraphImporter::importBody(const tessera_onnx::Graph& body, const Scope& scope,
                                                std::map<std::string, TensorId> values,
                                                const Opsets& opsets) {
  const Nesting nesting(depth_);
  Scope inner;
  inner.outer = &scope;
  inner.inner = true;
  inner.values = std::move(values);
  const auto before = static_cast<TensorId>(state_.builder.graph.tensors().size());
  importNodes(body.node(), inner, opsets);
  std::vector<TensorId> results;
  for (const auto& output : body.output()) {
    const TensorId* id = inner.find(output.name());
    if (!id && inner.isUnknown(output.name())) throw FollowsFromRejected();
    if (!id) throw Error(ErrorCode::BadModel, "its graph never makes the output '" + output.name() + "'");
    results.push_back(*id);
    if (*id >= before) state_.modelNamed.erase(*id);  // goes by the name the outer node gives it
  }
  return results;
}

std::vector<TensorId> GraphImporter::importBranch(const tessera_onnx::Graph& branch, const Scope& scope,
                                                  const Opsets& opsets) {
  Scope inner;
  inner.outer = &scope;
  inner.inner = true;
  addInitializers(branch, inner);
  return importBody(branch, inner, {}, opsets);
}

void GraphImporter::importIf(Node& node, const Scope& scope, const Opsets& opsets) {
  if (isSequence(node.in(0))) node.bad("its condition is a sequence");
  const HostTensor* condition = node.valueOf(node.in(0));
  if (condition && condition->size() != 1) node.bad("its condition has to be a single value");
  std::vector<TensorId> chosen;
  if (condition) {
    chosen =
        importBranch(node.graph(condition->number(0) != 0 ? "then_branch" : "else_branch"), scope, opsets);
  } else {
    const auto refuse = [&](const std::string& why) {
      node.unsupported("its condition, tensor '" + state_.builder.graph.tensor(node.in(0)).name +
                       "', is computed at run time, and " + why +
                       "; where the condition is known, only the branch " +
                       "taken is imported: " + state_.builder.howToFix(node.in(0)));
    };
    const auto branchNamed = [&](const char* name) {
      try {
        return importBranch(node.graph(name), scope, opsets);
      } catch (const BudgetExceeded&) {
        throw;
      } catch (const Error& e) {
        refuse(std::string("its ") + name + " can not be imported (" + e.what() + ")");
        throw;
      }
    };
    // Nodes have no side effects, so both branches may run.
    const auto yes = branchNamed("then_branch"), no = branchNamed("else_branch");
    for (std::size_t i = 0; i < yes.size() && i < no.size(); ++i) {
      if (isSequence(yes[i]) || isSequence(no[i])) refuse("its branches give sequences");
      if (node.shapeOf(yes[i]) != node.shapeOf(no[i]) || node.typeOf(yes[i]) != node.typeOf(no[i]))
        refuse("its branches give " + state_.builder.describe({yes[i]}) + " and " +
               state_.builder.describe({no[i]}));
      chosen.push_back(node.add("Where", {node.in(0), yes[i], no[i]}));
    }
  }
  if (chosen.size() < node.outputCount()) node.bad("its branches have fewer outputs than it has");
  for (std::size_t i = 0; i < node.outputCount(); ++i) node.set(i, chosen[i]);
}

}  // namespace tessera::onnx
