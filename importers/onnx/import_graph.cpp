// Walks the nodes of ONNX graphs, functions and branches.
#include "importers/onnx/import_graph.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "importers/common/input_shapes.hpp"
#include "importers/onnx/plugin.hpp"
#include "importers/onnx/table.hpp"
#include "importers/onnx/tensor_value.hpp"

namespace tessera::onnx {
bool isDefaultDomain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

namespace {
/// The type as rows of the table have it: with its domain, unless that is the format's own.
std::string rowName(const tessera_onnx::Node& node) {
  return isDefaultDomain(node.domain()) ? node.op_type() : node.domain() + "." + node.op_type();
}

/// Whether the table has an operator; else `why` says what is missing.
bool isKnownOperator(const std::string& domain, const std::string& name, int opset, std::string& why) {
  if (domain.empty() || domain == "com.microsoft") return findRow(name, opset, why) != nullptr;
  why =
      "operators of the domain '" + domain + "' are not known, and no plugin that was given serves this one";
  return false;
}

DeclaredInput declaredInput(const tessera_onnx::ValueInfo& input) {
  const auto& type = input.type().tensor_type();
  DeclaredInput declared{input.name(), heldType(type.elem_type()), type.has_shape(), {}};
  for (const auto& dim : type.shape().dim())
    declared.extents.push_back({dim.has_dim_value() ? dim.dim_value() : -1, dim.dim_param()});
  return declared;
}
}  // namespace

const TensorId* Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope; scope = scope->outer) {
    if (const auto it = scope->values.find(name); it != scope->values.end()) return &it->second;
    if (scope->unknown.count(name)) return nullptr;
  }
  return nullptr;
}

bool Scope::isUnknown(const std::string& name) const {
  for (const Scope* scope = this; scope; scope = scope->outer) {
    if (scope->values.count(name)) return false;
    if (scope->unknown.count(name)) return true;
  }
  return false;
}

GraphImporter::GraphImporter(const tessera_onnx::Model& model, ImportState& state,
                             const ImportOptions& options)
    : model_(model), state_(state), options_(options) {
  for (const auto& function : model.functions()) functions_[{function.domain(), function.name()}] = &function;
}

std::string GraphImporter::where(const tessera_onnx::Node& node) const {
  std::string name = node.name();
  if (name.empty() && node.output_size()) name = node.output(0);
  return state_.builder.file() + ": node '" + name + "' (" + node.op_type() + "): ";
}

void GraphImporter::reserveNames(const tessera_onnx::Graph& graph) {
  for (const auto& input : graph.input()) state_.tensorNames.reserve(input.name());
  for (const auto& initializer : graph.initializer()) state_.tensorNames.reserve(initializer.name());
  for (const auto& node : graph.node())
    for (const auto& output : node.output()) state_.tensorNames.reserve(output);
}

void GraphImporter::addInitializers(const tessera_onnx::Graph& graph, Scope& scope) {
  for (const auto& sparse : graph.sparse_initializer()) {
    const std::string& name = sparse.values().name();
    state_.builder.reject({name, "initializer", "", "", "it is sparse; write it as a dense one"});
    scope.unknown.insert(name);
  }
  for (const auto& initializer : graph.initializer()) {
    if (scope.values.count(initializer.name()) || scope.unknown.count(initializer.name()))
      throw Error(ErrorCode::BadModel,
                  state_.builder.file() + ": the initializer '" + initializer.name() + "' is given twice.");
    state_.note(initializer.data_type());
    try {
      const TensorId id = state_.builder.constant(
          initializer.name(), readTensor(initializer, state_.files, &state_.builder.budget));
      scope.values[initializer.name()] = id;
      state_.modelNamed.insert(id);
      state_.elementTypes[id] = initializer.data_type();
    } catch (const BudgetExceeded& e) {
      throw BudgetExceeded(state_.builder.file() + ": initializer '" + initializer.name() + "': " + e.what() +
                           ".");
    } catch (const Error& e) {
      if (e.code() != ErrorCode::Unsupported) throw Error(e.code(), state_.builder.file() + ": " + e.what());
      state_.builder.reject({initializer.name(), "initializer", "", "", e.what()});
      scope.unknown.insert(initializer.name());
    }
  }
}

std::map<std::string, Shape> GraphImporter::inputShapes(const tessera_onnx::Graph& graph,
                                                        const Scope& scope) const {
  std::vector<DeclaredInput> inputs;
  for (const auto& input : graph.input()) {
    if (scope.values.count(input.name()) || scope.unknown.count(input.name()))
      continue;  // an initializer listed again
    if (options_.constants.count(input.name())) continue;
    DeclaredInput declared = declaredInput(input);
    if (!input.type().has_tensor_type() || declared.type == DataType::None) continue;  // refused by name
    inputs.push_back(std::move(declared));
  }
  return resolveInputShapes(state_.builder.file(), std::move(inputs), options_);
}

void GraphImporter::addInput(const tessera_onnx::ValueInfo& input, const std::map<std::string, Shape>& shapes,
                             Scope& scope) {
  auto& builder = state_.builder;
  if (scope.values.count(input.name()) || scope.unknown.count(input.name()))
    return;  // an initializer listed again
  state_.note(input.type().tensor_type().elem_type());
  const int elementType = input.type().tensor_type().elem_type();
  const DataType held = input.type().has_tensor_type() ? heldType(elementType) : DataType::None;
  if (held == DataType::None) {
    builder.reject(
        {input.name(), "graph input", "", "",
         input.type().has_tensor_type()
             ? "Tessera has no type for elements of type " + elementTypeName(elementType)
             : "it is a sequence, map, optional or sparse tensor; only dense tensors are supported"});
    scope.unknown.insert(input.name());
    return;
  }
  scope.values[input.name()] = addModelInput(builder, declaredInput(input), shapes, options_);
  state_.modelNamed.insert(scope.values[input.name()]);
}

void GraphImporter::rejectNode(const tessera_onnx::Node& node, const Scope& scope, const std::string& version,
                               const std::string& reason, bool damaged) {
  std::string shapes;
  for (const auto& input : node.input()) {
    const TensorId* id = input.empty() ? nullptr : scope.find(input);
    shapes += (shapes.empty() ? "" : ", ") +
              (input.empty() ? "-"
               : id          ? isSequence(*id) ? std::string("sequence") : state_.builder.describe({*id})
                             : "?");
  }
  std::string name = node.name();
  if (name.empty() && node.output_size()) name = node.output(0);
  state_.builder.reject({name, node.op_type(), version, shapes, reason, damaged});
}

void GraphImporter::nameResults(const tessera_onnx::Node& proto, const Node& node, Scope& scope) {
  for (int i = 0; i < proto.output_size(); ++i) {
    const std::string& name = proto.output(i);
    if (name.empty()) continue;
    const TensorId id = node.outputs()[static_cast<std::size_t>(i)];
    if (id == kNoTensor)
      throw Error(ErrorCode::Unsupported,
                  "its output " + std::to_string(i) + " ('" + name + "') is not computed by Tessera");
    scope.values[name] = id;
    if (isSequence(id)) continue;
    if (state_.modelNamed.insert(id).second)
      state_.builder.graph.tensor(id).name = scope.inner ? state_.tensorNames.unique(name) : name;
  }
}

void GraphImporter::importOperator(Node& node, const tessera_onnx::Node& proto) {
  std::string why;
  const Row* row = findRow(rowName(proto), node.opset(), why);
  if (!row) throw Error(ErrorCode::Unsupported, why);
  row->import(node);
}

void GraphImporter::importNode(const tessera_onnx::Node& proto, Scope& scope, const Opsets& opsets) {
  const std::string domain = isDefaultDomain(proto.domain()) ? "" : proto.domain();
  const auto set = opsets.find(domain);
  const int opset = set == opsets.end() ? 1 : set->second;
  const std::string version =
      (domain.empty() ? "" : domain + " ") + std::string("operator set ") + std::to_string(opset);
  const auto giveUp = [&](const std::string& reason, bool damaged = false) {
    if (!reason.empty()) rejectNode(proto, scope, version, reason, damaged);
    for (const auto& output : proto.output())
      if (!output.empty()) scope.unknown.insert(output);
  };

  const auto function = functions_.find({proto.domain(), proto.op_type()});
  std::string why;
  std::shared_ptr<const Plugin> plugin;
  if (function == functions_.end() && !isKnownOperator(domain, rowName(proto), opset, why)) {
    plugin = pluginFor(proto);
    if (!plugin) return giveUp(why);
  }
  std::vector<TensorId> inputs;
  for (const auto& input : proto.input()) {
    if (!input.empty() && scope.isUnknown(input)) return giveUp({});  // follows from a node listed already
    inputs.push_back(input.empty() ? kNoTensor : *scope.find(input));
    if (isSequence(inputs.back()) && function == functions_.end() && !takesSequences(proto.op_type()))
      return giveUp("its input '" + input + "' is a sequence; it takes tensors only");
  }
  try {
    state_.builder.budget.addLayers(1);
    if (function != functions_.end()) return importFunction(*function->second, proto, scope);
    Node node(state_, proto, opset, std::move(inputs));
    if (plugin)
      importPlugin(node, proto, *plugin);
    else if (!importControlFlow(node, scope, opsets))
      importOperator(node, proto);
    nameResults(proto, node, scope);
  } catch (const FollowsFromRejected&) {
    giveUp({});
  } catch (const BudgetExceeded& e) {
    const bool located = std::string(e.what()).rfind(state_.builder.file() + ":", 0) == 0;
    throw BudgetExceeded(located ? e.what() : where(proto) + e.what() + ".");
  } catch (const Error& e) {
    if (e.code() == ErrorCode::Unsupported) {
      giveUp(e.what());
    } else if (std::string(e.what()).rfind(state_.builder.file() + ":", 0) == 0) {
      throw;  // of the graph inside a function or branch: located already
    } else {
      giveUp(e.what(), true);
    }
  } catch (const std::bad_alloc&) {
    giveUp("its tensors need more memory than there is", true);
  } catch (const std::length_error&) {
    giveUp("its tensors need more memory than there is", true);
  } catch (const std::out_of_range&) {
    giveUp("an operand lies outside the extents it refers to", true);
  }
}

void GraphImporter::importNodes(const NodeList& nodes, Scope& scope, const Opsets& opsets) {
  for (int i : executionOrder(nodes, scope, state_.builder.file())) importNode(nodes[i], scope, opsets);
}

void GraphImporter::run() {
  auto& builder = state_.builder;
  const auto& graph = model_.graph();
  builder.graph.name = graph.name();
  Opsets opsets;
  for (const auto& set : model_.opset_import())
    opsets[isDefaultDomain(set.domain()) ? "" : set.domain()] = static_cast<int>(set.version());
  if (!opsets.count("")) opsets[""] = 1;

  std::set<std::string> inputs;
  for (const auto& input : graph.input()) inputs.insert(input.name());
  checkGivenInputs(builder.file(), inputs, options_);

  Scope scope;
  reserveNames(graph);
  addInitializers(graph, scope);
  const auto shapes = inputShapes(graph, scope);
  for (const auto& input : graph.input()) addInput(input, shapes, scope);
  importNodes(graph.node(), scope, opsets);

  markOutputs(graph, scope);
}

void GraphImporter::markOutputs(const tessera_onnx::Graph& graph, const Scope& scope) {
  auto& builder = state_.builder;
  std::vector<bool> made(builder.graph.tensors().size(), false);
  for (const auto& layer : builder.graph.layers())
    for (const TensorId id : layer.outputs) made[static_cast<std::size_t>(id)] = true;
  std::set<std::string> seen;
  std::set<TensorId> taken;
  for (const auto& output : graph.output()) {
    if (!seen.insert(output.name()).second)
      throw Error(ErrorCode::BadModel,
                  builder.file() + ": the graph lists its output '" + output.name() + "' twice.");
    const TensorId* found = scope.find(output.name());
    if (!found && scope.isUnknown(output.name())) continue;  // finish() lists why
    if (!found)
      throw Error(ErrorCode::BadModel,
                  builder.file() + ": nothing makes the graph's output '" + output.name() + "'.");
    TensorId id = *found;
    if (isSequence(id)) {
      builder.reject(
          {output.name(), "graph output", "", "", "it is a sequence; only tensors can be outputs"});
      continue;
    }
    // Outputs are layers' results under the model's name, so that engines bind each to a buffer of its own.
    const bool own = made[static_cast<std::size_t>(id)] && builder.graph.tensor(id).name == output.name();
    if (!own || !taken.insert(id).second) {
      const std::string layer = state_.layerNames.unique(output.name());
      id = builder.graph.add("Identity", layer, {id}, {}, {output.name()});
    }
    builder.graph.outputs().push_back(id);
  }
}

}  // namespace tessera::onnx
