// Walks the nodes of a network of TensorFlow's formats.
#include "importers/tensorflow/walk.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "importers/tensorflow/operands.hpp"
#include "importers/tensorflow/plugin.hpp"
#include "importers/tensorflow/table.hpp"

namespace tessera::tensorflow {

void Walker::reject(const SourceNode& source, const std::string& reason, bool damaged) {
  std::string shapes;
  for (const auto& input : source.inputs) {
    const auto value = values_.find(input);
    std::string text = input.empty() ? "-" : "?";
    if (value != values_.end()) {
      TensorDesc desc = state_.builder.graph.tensor(value->second.id).desc();
      desc.shape = modelShape(value->second.order, desc.shape);
      text = desc.text();
    }
    shapes += (shapes.empty() ? "" : ", ") + text;
  }
  state_.builder.reject({source.name, source.type, source.version, shapes, reason, damaged});
}

void Walker::addInputs() {
  auto& builder = state_.builder;
  std::set<std::string> names;
  std::vector<DeclaredInput> open;
  for (const auto& input : source_.inputs) {
    names.insert(input.name);
    if (input.type == DataType::None) {
      builder.reject({input.name, "input", "", "", "Tessera has no type for its elements"});
      unknown_.insert(input.name);
    } else if (!options_.constants.count(input.name)) {
      open.push_back(input);
    }
  }
  checkGivenInputs(source_.file, names, options_);
  const auto shapes = resolveInputShapes(source_.file, std::move(open), options_);
  for (const auto& input : source_.inputs) {
    if (unknown_.count(input.name)) continue;
    const TensorId id = addModelInput(builder, input, shapes, options_);
    values_[input.name] = {id, {}};
    state_.modelNamed.insert(id);
  }
}

void Walker::importConstant(const SourceNode& source) {
  try {
    const TensorId id = state_.builder.constant(source.outputs.at(0), source.value(state_.builder.budget));
    values_[source.outputs[0]] = {id, {}};
    state_.modelNamed.insert(id);
  } catch (const BudgetExceeded&) {
    throw;
  } catch (const Error& e) {
    if (e.code() != ErrorCode::Unsupported) throw;
    unreadable_[source.outputs.at(0)] = e.what();  // an error where an operator reads it
  }
}

bool Walker::operands(const SourceNode& source, std::vector<Held>& inputs) {
  const bool merges = source.type == "Merge" || source.type == "RefMerge";
  bool dead = false, unknown = false;
  for (const auto& input : source.inputs) {
    if (dead_.count(input)) {
      dead |= !merges;
      continue;
    }
    unknown |= unknown_.count(input) != 0;
    if (const auto why = unreadable_.find(input); why != unreadable_.end() && !unknown)
      throw Error(ErrorCode::Unsupported, "its input '" + input + "' can not be read: " + why->second);
    const auto value = values_.find(input);
    inputs.push_back(input.empty() || value == values_.end() ? Held{} : value->second);
  }
  dead |= merges && inputs.empty();
  if (!dead && !unknown) return true;
  for (const auto& output : source.outputs) (dead ? dead_ : unknown_).insert(output);
  return false;
}

bool Walker::importControlFlow(const SourceNode& source, const std::vector<Held>& inputs) {
  if (source.type == "Merge" || source.type == "RefMerge") {
    if (inputs.size() > 1)
      throw Error(ErrorCode::Unsupported, "it chooses by a condition that is computed at run time");
    std::vector<Held> outputs(source.outputs.size());
    outputs.at(0) = inputs.at(0);
    nameResults(source, outputs);
    return true;
  }
  if (source.type != "Switch" && source.type != "RefSwitch") return false;
  if (inputs.size() != 2 || source.outputs.size() != 2)
    throw Error(ErrorCode::BadModel,
                "it has " + std::to_string(inputs.size()) + " inputs, it wants data and condition");
  const HostTensor* condition = state_.builder.value(inputs[1].id);
  if (!condition || condition->size() != 1)
    throw Error(ErrorCode::Unsupported, "it branches by a condition that is computed at run time: " +
                                            state_.builder.howToFix(inputs[1].id));
  const std::size_t taken = condition->integer(0) != 0 ? 1 : 0;
  values_[source.outputs[taken]] = inputs[0];
  dead_.insert(source.outputs[1 - taken]);
  return true;
}

void Walker::nameResults(const SourceNode& source, const std::vector<Held>& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string& name = source.outputs[i];
    if (outputs[i].id == kNoTensor) {
      unreadable_[name] = "Tessera does not compute output " + std::to_string(i) + " of this operator";
      continue;
    }
    values_[name] = outputs[i];
    if (!name.empty() && state_.modelNamed.insert(outputs[i].id).second)
      state_.builder.graph.tensor(outputs[i].id).name = name;
  }
}

void Walker::importOperator(const SourceNode& source) {
  std::vector<Held> inputs;
  if (!operands(source, inputs)) return;
  if (!source.custom && importControlFlow(source, inputs)) return;
  const Row* row = source.custom ? nullptr : findRow(source.type);
  if (const auto plugin = row ? nullptr : pluginFor("", source.type)) {
    Node node(state_, source, std::move(inputs));
    importPlugin(node, *plugin);
    return nameResults(source, node.outputs());
  }
  if (source.custom)
    throw Error(ErrorCode::Unsupported,
                "it is the custom layer '" + source.type +
                    "', and no plugin that was given serves that name (docs/plugins.md)");
  if (!row)
    throw Error(ErrorCode::Unsupported,
                "the importer has no operator of this type, and no plugin that was given serves it; "
                "docs/tensorflow.md lists those it has");
  Node node(state_, source, std::move(inputs));
  row->import(node);
  if (const std::string fused = source.attributes.string("activation");
      !fused.empty() && !node.outputs().empty())
    node.set(0, activated(node, node.outputs()[0], fused));
  nameResults(source, node.outputs());
}

void Walker::importNode(const SourceNode& source) {
  auto& builder = state_.builder;
  const auto giveUp = [&](const std::string& reason, bool damaged) {
    reject(source, reason, damaged);
    for (const auto& output : source.outputs) unknown_.insert(output);
  };
  try {
    builder.budget.addLayers(1);
    if (!source.custom && isIgnored(source.type)) return;
    if (!source.refused.empty()) return giveUp(source.refused, false);
    if (source.value) return importConstant(source);
    importOperator(source);
  } catch (const BudgetExceeded& e) {
    throw BudgetExceeded(source_.file + ": node '" + source.name + "' (" + source.type + "): " + e.what() +
                         ".");
  } catch (const Error& e) {
    giveUp(e.what(), e.code() != ErrorCode::Unsupported);
  } catch (const std::bad_alloc&) {
    giveUp("its tensors need more memory than there is", true);
  } catch (const std::length_error&) {
    giveUp("its tensors need more memory than there is", true);
  } catch (const std::out_of_range&) {
    giveUp("an operand lies outside the extents it refers to", true);
  }
}

void Walker::run() {
  state_.builder.graph.name = source_.name;
  for (const auto& input : source_.inputs) state_.tensorNames.reserve(input.name);
  for (const auto& node : source_.nodes)
    for (const auto& output : node.outputs) state_.tensorNames.reserve(output);
  const auto order = executionOrder(source_);
  addInputs();
  for (const std::size_t i : order) importNode(source_.nodes[i]);
  markOutputs();
  dropUnused();
}

/// Outputs are layers' results in the model's order under the model's name.
void Walker::markOutputs() {
  auto& builder = state_.builder;
  std::vector<bool> made(builder.graph.tensors().size(), false);
  for (const auto& layer : builder.graph.layers())
    for (const TensorId id : layer.outputs) made[static_cast<std::size_t>(id)] = true;
  std::set<TensorId> taken;
  std::set<std::string> names;
  for (const auto& output : source_.outputs) {
    if (dead_.count(output) || !names.insert(output).second) continue;
    if (const auto why = unreadable_.find(output); why != unreadable_.end()) {
      builder.reject({output, "output", "", "", why->second});
      continue;
    }
    const auto value = values_.find(output);
    if (value == values_.end()) continue;  // finish() lists why
    const Held held = value->second;
    const bool own = made[static_cast<std::size_t>(held.id)] && builder.graph.tensor(held.id).name == output;
    if (held.order.empty() && own && taken.insert(held.id).second) {
      builder.graph.outputs().push_back(held.id);
      continue;
    }
    if (auto& tensor = builder.graph.tensor(held.id); own)
      tensor.name = state_.tensorNames.unique(output + "/stored");
    const Shape shape = builder.shape(held.id);
    const auto perm = between(held.order, {}, shape.size());
    const std::string layer = state_.layerNames.unique(output);
    TensorId id = kNoTensor;
    if (perm.empty())
      id = builder.graph.add("Identity", layer, {held.id}, {}, {output});
    else if (movesNothing(perm, shape))
      id = builder.graph.add("Reshape", layer, {held.id}, {{"shape", modelShape(held.order, shape)}},
                             {output});
    else
      id = builder.graph.add("Transpose", layer, {held.id}, {{"perm", perm}}, {output});
    builder.graph.outputs().push_back(id);
  }
  if (builder.graph.outputs().empty() && builder.rejected().empty())
    throw Error(ErrorCode::BadModel, source_.file + ": the network has no output.");
}

/// Layers that foldings left behind.
void Walker::dropUnused() {
  auto& graph = state_.builder.graph;
  std::vector<bool> used(graph.tensors().size(), false);
  for (const TensorId id : graph.outputs()) used[static_cast<std::size_t>(id)] = true;
  auto& layers = graph.editLayers();
  std::vector<Layer> kept;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    if (std::none_of(layer->outputs.begin(), layer->outputs.end(),
                     [&](TensorId id) { return used[static_cast<std::size_t>(id)]; }))
      continue;
    for (const TensorId id : layer->inputs)
      if (id != kNoTensor) used[static_cast<std::size_t>(id)] = true;
    kept.push_back(std::move(*layer));
  }
  layers.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
}

Graph importSource(const SourceGraph& source, const ImportOptions& options, ImportBudget budget) {
  if (options.batch < 1)
    throw Error(ErrorCode::InvalidArgument,
                "the batch size " + std::to_string(options.batch) + " is not positive.");
  budget.addFileNodes(static_cast<std::int64_t>(source.nodes.size()));
  ImportState state(source.file, budget);
  try {
    Walker(source, options, state).run();
  } catch (const BudgetExceeded& e) {
    if (state.builder.rejected().empty()) throw;
    throw Error(e.code(),
                e.what() + std::string("\nBefore it, not supported:") + state.builder.rejectedList());
  }
  return state.builder.finish();
}

}  // namespace tessera::tensorflow
