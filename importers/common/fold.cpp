// The builder both importers share.
#include "importers/common/fold.hpp"

#include <algorithm>

#include "graph/counted_extents.hpp"
#include "graph/evaluate.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kMostFolded = std::int64_t{1}
                                     << 38;  ///< of a layer's output: more is a damaged model's
constexpr std::size_t kMostExtents = 64;

/// Bytes of a layer's outputs together; throws Error(BadModel) where an extent is negative or the whole is
/// absurd.
double checkedBytes(const Graph& graph, const Layer& layer) {
  double all = 0;
  for (TensorId id : layer.outputs) {
    std::int64_t count = 1;
    if (graph.tensor(id).shape.size() > kMostExtents)
      throw Error(ErrorCode::BadModel, "layer '" + layer.name + "' (" + layer.op + ") gives a tensor of " +
                                           std::to_string(graph.tensor(id).shape.size()) + " extents");
    for (std::int64_t extent : graph.tensor(id).shape) {
      if (extent < 0 || (extent > 0 && count > kMostFolded / extent))
        throw Error(ErrorCode::BadModel, "layer '" + layer.name + "' (" + layer.op +
                                             ") gives the impossible shape " +
                                             toString(graph.tensor(id).shape));
      count *= extent;
    }
    all += static_cast<double>(count) * static_cast<double>(byteSize(graph.tensor(id).type));
  }
  return all;
}

}  // namespace

std::vector<TensorId> ImportBuilder::addAll(const std::string& op, const std::string& name,
                                            std::vector<TensorId> inputs, Attributes attrs,
                                            std::vector<std::string> outputNames) {
  // Coded weights stay coded: the precision stage takes their scales (lower/qdq), the fp32 passes fold them.
  const bool foldable =
      !inputs.empty() && op != "Dequantize" && std::all_of(inputs.begin(), inputs.end(), [&](TensorId id) {
        return id == kNoTensor || graph.tensor(id).isConstant();
      });
  budget.addLayers(1);
  const Layer layer = graph.addLayer(op, name, std::move(inputs), std::move(attrs), std::move(outputNames));
  const double bytes = checkedBytes(graph, layer);
  if (!foldable) return layer.outputs;
  Values values;
  for (TensorId id : layer.inputs) values.push_back(id == kNoTensor ? nullptr : graph.tensor(id).constant);
  const auto settle = [&](const Values& results) {
    graph.editLayers().pop_back();
    for (std::size_t i = 0; i < results.size(); ++i) graph.tensor(layer.outputs[i]).constant = results[i];
    return layer.outputs;
  };
  std::pair<std::string, Values> key{layer.op + " " + layer.attrs.text(), std::move(values)};
  if (const auto known = folded_.find(key); known != folded_.end()) return settle(known->second);
  const double work = evaluationWork(graph, layer);
  if (!budget.canHold(bytes) || !budget.canFold(work)) {
    budget.leaveToDevice(work);
    unfolded_.insert(layer.outputs.begin(), layer.outputs.end());
    return layer.outputs;
  }
  budget.hold(bytes);
  budget.fold(work);

  std::vector<HostTensor> operands;
  for (TensorId id : layer.inputs)
    operands.push_back(id == kNoTensor ? HostTensor{} : *graph.tensor(id).constant);
  Values made;
  for (HostTensor& result : evaluateLayer(graph, layer, operands))
    made.push_back(std::make_shared<const HostTensor>(std::move(result)));
  return settle(folded_.emplace(std::move(key), std::move(made)).first->second);
}

TensorId ImportBuilder::add(const std::string& op, const std::string& name, std::vector<TensorId> inputs,
                            Attributes attrs, std::vector<std::string> outputNames) {
  return addAll(op, name, std::move(inputs), std::move(attrs), std::move(outputNames)).at(0);
}

std::string ImportBuilder::howToFix(TensorId id) const {
  if (unfolded(id))
    return "folding it is beyond the import's budget (ImportOptions::maxFoldedWork, maxConstantBytes)";
  std::vector<bool> needed(graph.tensors().size(), false);
  needed.at(static_cast<std::size_t>(id)) = true;
  for (auto layer = graph.layers().rbegin(); layer != graph.layers().rend();
       ++layer)  // readers follow makers
    if (std::any_of(layer->outputs.begin(), layer->outputs.end(), [&](TensorId out) { return needed[out]; }))
      for (TensorId in : layer->inputs)
        if (in != kNoTensor) needed[in] = true;
  std::string names, options;
  for (TensorId input : graph.inputs())
    if (needed[input]) {
      names += (names.empty() ? "'" : ", '") + graph.tensor(input).name + "'";
      options += " --freeze " + graph.tensor(input).name + "=VALUE";
    }
  if (names.empty()) return "simplify the model before it is imported";
  return "freeze what it depends on, " + names + " (" + options.substr(1) +
         "; in the API ImportOptions::constants), or export the model with fixed shapes";
}

std::string ImportBuilder::describe(const std::vector<TensorId>& ids) const {
  std::string out;
  for (TensorId id : ids)
    out += (out.empty() ? "" : ", ") + (id == kNoTensor ? std::string("-") : graph.tensor(id).desc().text());
  return out;
}

HostTensor ImportBuilder::allocate(DataType type, const Shape& shape) {
  budget.hold(type, shape);
  return {type, shape};
}

std::string ImportBuilder::rejectedList() const {
  constexpr std::size_t kMostLines = 100;
  std::string all;
  for (const auto& node : rejected_) {
    if (&node - rejected_.data() == kMostLines)
      return all + "\n  and " + std::to_string(rejected_.size() - kMostLines) + " more";
    all += "\n  " + node.type + " '" + node.name + "'" +
           (node.version.empty() ? "" : " (" + node.version + ")") +
           (node.shapes.empty() ? "" : " of (" + node.shapes + ")") + ": " + node.reason;
  }
  return all;
}

Graph ImportBuilder::finish() {
  if (!rejected_.empty()) {
    const bool damaged = std::any_of(rejected_.begin(), rejected_.end(),
                                     [](const RejectedNode& node) { return node.damaged; });
    const bool one = rejected_.size() == 1;
    throw Error(damaged ? ErrorCode::BadModel : ErrorCode::Unsupported,
                file_ + ": " + std::to_string(rejected_.size()) +
                    (damaged ? (one ? " node can not be imported:" : " nodes can not be imported:")
                             : (one ? " node is not supported:" : " nodes are not supported:")) +
                    rejectedList());
  }
  graph.compact();
  graph.verify();
  try {
    countedExtents(graph);
  } catch (const Error& e) {
    throw Error(e.code(), file_ + ": " + e.what());
  }
  return std::move(graph);
}

}  // namespace tessera
