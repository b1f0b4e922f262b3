// How single layers take part in INT8.
#include <algorithm>

#include "graph/layer_view.hpp"
#include "lower/explicit_codes.hpp"
#include "ops/quantised.hpp"

namespace tessera {

std::vector<TensorId> activations(const Graph& graph, const std::vector<TensorId>& ids) {
  std::vector<TensorId> found;
  for (const TensorId id : ids)
    if (id != kNoTensor && !graph.tensor(id).isConstant()) found.push_back(id);
  return found;
}

std::optional<PointwiseChain> asChain(const Graph& graph, const Layer& layer) {
  if (layer.outputs.size() != 1 || graph.tensor(layer.outputs[0]).type != DataType::Float32)
    return std::nullopt;
  for (const TensorId id : layer.inputs)
    if (id != kNoTensor && graph.tensor(id).type != DataType::Float32) return std::nullopt;
  PointwiseChain chain;
  if (layer.op == "Pointwise") {
    chain = PointwiseChain::parse(layer.attrs.string("expression"));
  } else if (layer.op == "Scale") {
    if (layer.attrs.integer("axis", 1) != 1 || graph.tensor(layer.inputs[1]).shape.size() != 1)
      return std::nullopt;
    auto last = chain.append("Mul", {ChainOperand::input(0), ChainOperand::input(1)});
    if (layer.inputs.size() > 2 && layer.inputs[2] != kNoTensor)
      chain.append("Add", {last, ChainOperand::input(2)});
  } else if (fitsChain(layer.op)) {
    std::vector<ChainOperand> operands;
    for (std::size_t i = 0; i < layer.inputs.size(); ++i)
      operands.push_back(ChainOperand::input(static_cast<int>(i)));
    chain.append(layer.op, operands, layer.attrs);
  } else {
    return std::nullopt;
  }
  for (const ChainStep& step : chain.steps)
    if (!exactPointwise(step.op)) return std::nullopt;
  return chain;
}

Int8Role int8Role(const Graph& graph, const Layer& layer) {
  if (layer.inputs.empty() || layer.inputs[0] == kNoTensor || layer.outputs.empty()) return Int8Role::Float;
  if (isEncode(layer)) return Int8Role::Encode;
  if (isDecode(layer)) return Int8Role::Decode;
  if (graph.tensor(layer.inputs[0]).type != DataType::Float32) return Int8Role::Float;
  const OperatorTraits traits = traitsOf(layer.op);
  if (hasIntegerWeights(layer)) {
    const auto isConstant = [&](std::size_t i) {
      return i >= layer.inputs.size() || layer.inputs[i] == kNoTensor ||
             graph.tensor(layer.inputs[i]).isConstant();
    };
    const std::size_t weights = traits.weights->input;
    const bool constant = isConstant(weights) && isConstant(weights + 1);
    return constant && !layer.attrs.integer("exact_sums") ? Int8Role::Compute : Int8Role::Float;
  }
  const QuantRule rule = operatorNamed(layer.op).quantRule(viewOf(graph, layer));
  if (rule == QuantRule::Requantise && !traits.integerTwin.empty()) return Int8Role::Average;
  if (rule == QuantRule::SameScale) {
    const auto inputs = activations(graph, layer.inputs);
    const auto isFloat = [&](TensorId id) { return graph.tensor(id).type == DataType::Float32; };
    const bool allFloat = std::ranges::all_of(inputs, isFloat),
               plain = std::ranges::all_of(layer.outputs, isFloat);
    const bool constantPart = traits.joins && inputs.size() != layer.inputs.size();
    return allFloat && plain && !constantPart ? Int8Role::Moving : Int8Role::Float;
  }
  if (asChain(graph, layer)) return Int8Role::Pointwise;
  return Int8Role::Float;
}

bool hasIntegerWeights(const Layer& layer) {
  const OperatorTraits traits = traitsOf(layer.op);
  return traits.weights && !traits.integerTwin.empty();
}

double multiplyAdds(const Graph& graph, const Layer& layer) {
  const OperatorTraits traits = traitsOf(layer.op);
  const bool product = !traits.window && traits.integerTwin.empty();  // not a pooling's sum
  return traits.multiplyAdds && (traits.weights || product) ? traits.multiplyAdds(viewOf(graph, layer)) : 0;
}

}  // namespace tessera
