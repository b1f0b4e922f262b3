// Signs of tensors, from the layers that make them.
#include "lower/nonnegative.hpp"

#include <algorithm>

#include "ops/operator.hpp"
#include "ops/pointwise_chain.hpp"

namespace tessera {
namespace {

// Of pointwise rows: what they give is never negative for any argument but NaN, whose code is 0.
bool givesNoNegative(std::string_view row, double alpha) {
  return row == "Relu" || row == "Sigmoid" || row == "HardSigmoid" || (row == "Clip" && alpha >= 0);
}

bool activates(const Attributes& attrs) {
  const std::string name = attrs.string("activation");
  const PointwiseOp* row = findPointwise(name);
  return row && givesNoNegative(name, attrs.number("alpha", row->alpha));
}

// Layers whose results are elements of their inputs, or means of such.
bool keepsSigns(const Layer& layer) {
  const OperatorTraits traits = traitsOf(layer.op);
  return traits.view != OperatorTraits::View::None || traits.joins || layer.op == "Pool" ||
         layer.op == "QAveragePool" || layer.op == "GlobalPool";
}

constexpr int kDeepest = 64;  // layers looked through

bool noNegativeFrom(const Graph& graph, TensorId tensor, int depth) {
  const int producer = graph.producer(tensor);
  if (producer < 0 || depth > kDeepest) return false;
  const Layer& layer = graph.layers()[producer];
  const auto input = [&](TensorId id) { return noNegativeFrom(graph, id, depth + 1); };
  if (traitsOf(layer.op).weights) return activates(layer.attrs);
  if (layer.op == "QPointwise") {
    const std::string expression = layer.attrs.string("expression");
    if (expression.empty()) return input(layer.inputs[0]);
    const ChainStep last = PointwiseChain::parse(expression).steps.back();
    return givesNoNegative(last.op, last.alpha);
  }
  if (const PointwiseOp* row = findPointwise(layer.op))
    return givesNoNegative(layer.op, layer.attrs.number("alpha", row->alpha));
  return keepsSigns(layer) && tensor == layer.outputs[0] &&
         std::all_of(layer.inputs.begin(), layer.inputs.end(),
                     [&](TensorId id) { return id == kNoTensor || input(id); });
}

}  // namespace

bool neverNegative(const Graph& graph, TensorId tensor) { return noNegativeFrom(graph, tensor, 0); }

}  // namespace tessera
