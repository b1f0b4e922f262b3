// What passes edit graphs with.
#include "passes/rewrite.hpp"

#include <algorithm>

#include "ops/operator.hpp"

namespace tessera {

const Layer* producerLayer(const EditedGraph& graph, TensorId id) {
  const int index = id == kNoTensor ? -1 : graph.producer(id);
  return index < 0 ? nullptr : &graph.layers()[index];
}

int soleConsumer(const EditedGraph& graph, TensorId id) {
  if (graph.isOutput(id)) return -1;
  const auto& readers = graph.consumers(id);
  if (readers.size() != 1) return -1;
  const auto& inputs = graph.layers()[readers[0]].inputs;
  const auto once = std::find(inputs.begin(), inputs.end(), id);
  return std::find(std::next(once), inputs.end(), id) == inputs.end() ? readers[0] : -1;
}

const HostTensor* constantValue(const Graph& graph, TensorId id) {
  return id == kNoTensor ? nullptr : graph.tensor(id).constant.get();
}

std::optional<double> scalarValue(const Graph& graph, TensorId id) {
  const HostTensor* value = constantValue(graph, id);
  if (!value || value->type != DataType::Float32 || value->size() != 1) return std::nullopt;
  return value->number(0);
}

std::optional<std::vector<double>> channelValues(const Graph& graph, TensorId id, const Shape& shape) {
  const HostTensor* value = constantValue(graph, id);
  if (!value || value->type != DataType::Float32 || shape.size() < 2 || shape[1] > kMostChannels ||
      value->shape.size() > shape.size())
    return std::nullopt;
  const std::size_t missing = shape.size() - value->shape.size();  // leading extents that broadcast
  for (std::size_t axis = missing; axis < shape.size(); ++axis) {
    const auto extent = value->shape[axis - missing];
    if (extent != 1 && !(axis == 1 && extent == shape[1])) return std::nullopt;
  }
  std::vector<double> values(shape[1]);
  for (std::int64_t c = 0; c < shape[1]; ++c) values[c] = value->number(value->size() == 1 ? 0 : c);
  return values;
}

bool bypass(EditedGraph& graph, int index, TensorId value) {
  const TensorId output = graph.layers()[index].outputs.at(0);
  if (graph.tensor(output).type != graph.tensor(value).type ||
      graph.tensor(output).shape != graph.tensor(value).shape)
    return false;
  if (!graph.isOutput(output)) {
    graph.replaceUses(output, value);
    graph.erase(index);
    return true;
  }
  const int source = graph.producer(value);
  if (source < 0 || graph.isOutput(value)) return false;
  graph.erase(index);
  Layer layer = graph.layers()[source];
  std::replace(layer.outputs.begin(), layer.outputs.end(), value, output);
  graph.setLayer(source, std::move(layer));
  graph.replaceUses(value, output);
  return true;
}

void replacePair(EditedGraph& graph, int earlier, int later, Layer fused) {
  fused.outputs = graph.layers()[later].outputs;
  graph.erase(earlier);
  graph.setLayer(later, std::move(fused));
}

bool hasEpilogue(const Layer& layer) { return traitsOf(layer.op).weights.has_value(); }

TensorId inputAt(const Layer& layer, std::size_t slot) {
  return slot < layer.inputs.size() ? layer.inputs[slot] : kNoTensor;
}

void setInput(Layer& layer, std::size_t slot, TensorId id) {
  if (layer.inputs.size() <= slot) layer.inputs.resize(slot + 1, kNoTensor);
  layer.inputs[slot] = id;
}

std::int64_t outputChannels(const Graph& graph, const Layer& layer) {
  return graph.tensor(layer.outputs.at(0)).shape.at(1);
}

TensorId addFloats(EditedGraph& graph, const std::string& name, Shape shape,
                   const std::vector<double>& values) {
  return graph.addConstant(name, HostTensor::of<float>(std::move(shape), {values.begin(), values.end()}));
}

}  // namespace tessera
