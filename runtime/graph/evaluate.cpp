// Host evaluation of a graph through Operator::reference.
#include "graph/evaluate.hpp"

#include "graph/counted_extents.hpp"
#include "graph/layer_view.hpp"
#include "ops/evaluation_work.hpp"

namespace tessera {

double evaluationWork(const Graph& graph, const Layer& layer) { return evaluationWork(viewOf(graph, layer)); }

std::vector<HostTensor> evaluateLayer(const Graph& graph, const Layer& layer,
                                      const std::vector<HostTensor>& inputs) {
  const OpView view = viewOf(graph, layer);
  std::vector<HostTensor> outputs;
  for (const TensorDesc& output : view.outputs) outputs.emplace_back(output.type, output.shape);
  operatorNamed(layer.op).reference(view, inputs, outputs);
  return outputs;
}

std::vector<HostTensor> evaluateTensors(const Graph& graph, const std::map<std::string, HostTensor>& inputs,
                                        const std::vector<TensorId>& wanted) {
  std::vector<HostTensor> values(graph.tensors().size());
  std::vector<int> uses(graph.tensors().size(), 0);  // values nobody needs any more are dropped at once
  for (const auto& layer : graph.layers())
    for (TensorId id : layer.inputs)
      if (id != kNoTensor) ++uses[id];
  for (TensorId id : wanted) ++uses.at(id);

  for (TensorId id : graph.inputs()) {
    const auto& described = graph.tensor(id);
    const auto given = inputs.find(described.name);
    if (given == inputs.end())
      throw Error(ErrorCode::InvalidArgument,
                  "no value is given for the graph's input '" + described.name + "'");
    if (given->second.type != described.type || given->second.shape != described.shape)
      throw Error(ErrorCode::InvalidArgument,
                  "input '" + described.name + "' is " + described.desc().text() + ", the value given is " +
                      TensorDesc{given->second.type, given->second.shape, {}}.text());
    given->second.check("input '" + described.name + "'");
    values[id] = given->second;
  }
  const auto valueOf = [&](TensorId id) {
    if (id == kNoTensor) return HostTensor{};
    return graph.tensor(id).isConstant() ? *graph.tensor(id).constant : values[id];
  };
  for (const auto& layer : graph.layers()) {
    std::vector<HostTensor> operands;
    for (TensorId id : layer.inputs) operands.push_back(valueOf(id));
    auto results = evaluateLayer(graph, layer, operands);
    for (TensorId id : layer.inputs)
      if (id != kNoTensor && --uses[id] == 0) values[id] = {};
    for (std::size_t i = 0; i < results.size(); ++i)
      if (uses[layer.outputs[i]] > 0) values[layer.outputs[i]] = std::move(results[i]);
  }
  std::vector<HostTensor> found;
  for (TensorId id : wanted) found.push_back(valueOf(id));
  return found;
}

std::vector<HostTensor> evaluate(const Graph& graph, const std::map<std::string, HostTensor>& inputs) {
  const auto counted = countedExtents(graph);
  std::vector<TensorId> wanted = graph.outputs();
  for (const TensorId id : graph.outputs())
    if (const auto it = counted.find(id); it != counted.end()) wanted.push_back(it->second.count);
  auto values = evaluateTensors(graph, inputs, wanted);
  std::size_t next = graph.outputs().size();
  for (std::size_t i = 0; i < graph.outputs().size(); ++i)
    if (const auto it = counted.find(graph.outputs()[i]); it != counted.end())
      values[i] = firstEntries(values[i], it->second.axis, values[next++].integer(0));
  values.resize(graph.outputs().size());
  return values;
}

}  // namespace tessera
