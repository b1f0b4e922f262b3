// The layer graph: building, queries, edits.
#include "tessera/graph.hpp"

#include <algorithm>
#include <utility>

#include "ops/operator.hpp"

namespace tessera {

namespace {
void checkShape(const std::string& what, const Shape& shape) {
  try {
    elementCount(shape);
  } catch (const Error& e) {
    throw Error(e.code(), what + ": " + e.what());
  }
}
}  // namespace

TensorId Graph::addInput(const std::string& tensorName, DataType type, Shape shape) {
  checkShape("input '" + tensorName + "'", shape);
  index_.dropNames();
  tensors_.push_back({tensorName, type, std::move(shape), nullptr});
  inputs_.push_back(static_cast<TensorId>(tensors_.size()) - 1);
  return inputs_.back();
}

TensorId Graph::addConstant(const std::string& tensorName, HostTensor value) {
  value.check("constant '" + tensorName + "'");
  index_.dropNames();
  auto held = std::make_shared<const HostTensor>(std::move(value));
  tensors_.push_back({tensorName, held->type, held->shape, held});
  return static_cast<TensorId>(tensors_.size()) - 1;
}

namespace {
std::vector<TensorDesc> inferLayer(const Graph& graph, const Layer& layer) {
  std::vector<TensorDesc> inputs;
  for (TensorId id : layer.inputs) inputs.push_back(id == kNoTensor ? TensorDesc{} : graph.tensor(id).desc());
  try {
    return inferOutputs(operatorNamed(layer.op), layer.attrs, inputs);
  } catch (const Error& e) {
    std::string shapes;
    for (const auto& input : inputs) shapes += (shapes.empty() ? "" : ", ") + input.text();
    throw Error(e.code(), "layer '" + layer.name + "' (" + layer.op + " of " + shapes + "): " + e.what());
  }
}
}  // namespace

const Layer& Graph::addLayer(const std::string& op, const std::string& layerName,
                             std::vector<TensorId> inputs, Attributes attrs,
                             std::vector<std::string> outputNames) {
  Layer layer{layerName, op, std::move(attrs), std::move(inputs), {}};
  index_.dropNames();
  const auto outputs = inferLayer(*this, layer);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    std::string tensorName = i < outputNames.size() && !outputNames[i].empty()
                                 ? outputNames[i]
                                 : (i ? layerName + ":" + std::to_string(i) : layerName);
    tensors_.push_back({std::move(tensorName), outputs[i].type, outputs[i].shape, nullptr});
    layer.outputs.push_back(static_cast<TensorId>(tensors_.size()) - 1);
  }
  editLayers().push_back(std::move(layer));
  return layers_.back();
}

TensorId Graph::add(const std::string& op, const std::string& layerName, std::vector<TensorId> inputs,
                    Attributes attrs, std::vector<std::string> outputNames) {
  return addLayer(op, layerName, std::move(inputs), std::move(attrs), std::move(outputNames)).outputs.at(0);
}

void Graph::markOutput(TensorId id) {
  std::as_const(*this).tensor(id);  // throws where there is none
  if (!isOutput(id)) outputs_.push_back(id);
}

const GraphTensor& Graph::tensor(TensorId id) const {
  if (id < 0 || id >= static_cast<TensorId>(tensors_.size()))
    throw Error(ErrorCode::Internal, "graph '" + name + "' has no tensor " + std::to_string(id));
  return tensors_[id];
}
GraphTensor& Graph::tensor(TensorId id) {
  index_.dropNames();
  return const_cast<GraphTensor&>(std::as_const(*this).tensor(id));
}

bool Graph::isOutput(TensorId id) const {
  return std::find(outputs_.begin(), outputs_.end(), id) != outputs_.end();
}

void Graph::replaceUses(TensorId from, TensorId to) {
  for (auto& layer : editLayers()) std::replace(layer.inputs.begin(), layer.inputs.end(), from, to);
  std::replace(outputs_.begin(), outputs_.end(), from, to);
}

void Graph::reinfer(int index) {
  const Layer& layer = layers_.at(index);
  const auto outputs = inferLayer(*this, layer);
  if (outputs.size() != layer.outputs.size())
    throw Error(ErrorCode::Internal, "layer '" + layer.name + "' changed its number of outputs");
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    tensor(layer.outputs[i]).type = outputs[i].type;
    tensor(layer.outputs[i]).shape = outputs[i].shape;
  }
}

void Graph::compact() {
  if (!indexIsCurrent())
    throw Error(ErrorCode::Internal,
                "graph '" + name + "': layers or names were written to behind a look-up");
  std::vector<bool> used(tensors_.size(), false);
  auto mark = [&](const std::vector<TensorId>& ids) {
    for (TensorId id : ids)
      if (id != kNoTensor) used[id] = true;
  };
  mark(inputs_);
  mark(outputs_);
  for (const auto& layer : layers_) {
    mark(layer.inputs);
    mark(layer.outputs);
  }
  std::vector<TensorId> renumbered(tensors_.size(), kNoTensor);
  std::vector<GraphTensor> kept;
  for (std::size_t i = 0; i < tensors_.size(); ++i)
    if (used[i]) {
      renumbered[i] = static_cast<TensorId>(kept.size());
      kept.push_back(std::move(tensors_[i]));
    }
  index_.dropNames();
  tensors_ = std::move(kept);
  auto renumber = [&](std::vector<TensorId>& ids) {
    for (TensorId& id : ids)
      if (id != kNoTensor) id = renumbered[id];
  };
  renumber(inputs_);
  renumber(outputs_);
  for (auto& layer : editLayers()) {
    renumber(layer.inputs);
    renumber(layer.outputs);
  }
}

}  // namespace tessera
