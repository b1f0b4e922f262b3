// fuse-activation: an activation goes into the epilogue of the convolution, deconvolution or fully connected
// layer before it.
#include "ops/pointwise.hpp"
#include "passes/rewrite.hpp"

namespace tessera {
namespace {

/// Makes the layer's epilogue apply the activation; false where it can not.
bool take(EditedGraph& graph, Layer& layer, const Layer& activation) {
  if (activation.op == "PRelu") {
    const Shape& shape = graph.tensor(activation.outputs[0]).shape;
    const auto slopes = channelValues(graph, activation.inputs[1], shape);
    if (!slopes || activation.inputs[0] != layer.outputs[0]) return false;
    const bool shared = graph.tensor(activation.inputs[1]).constant->size() == 1;
    setInput(layer, kSlopeInput,
             shared ? addFloats(graph, layer.name + ":slope", {1}, {slopes->at(0)})
                    : addFloats(graph, layer.name + ":slope", {shape[1]}, *slopes));
  } else if (activation.inputs.size() != 1 || !isActivation(activation.op)) {
    return false;
  }
  layer.attrs.set("activation", activation.op);
  for (const char* constant : {"alpha", "beta"})
    if (activation.attrs.has(constant)) layer.attrs.set(constant, activation.attrs.number(constant));
  return true;
}

bool fuseLayer(EditedGraph& graph, int index) {
  const Layer& activation = graph.layers()[index];
  if (activation.inputs.empty() || activation.outputs.size() != 1) return false;
  const int producer = graph.producer(activation.inputs[0]);
  if (producer < 0 || !hasEpilogue(graph.layers()[producer])) return false;
  if (soleConsumer(graph, activation.inputs[0]) != index) return false;
  Layer layer = graph.layers()[producer];
  if (!layer.attrs.string("activation").empty() || graph.tensor(layer.outputs[0]).type != DataType::Float32)
    return false;
  if (graph.tensor(layer.outputs[0]).shape != graph.tensor(activation.outputs[0]).shape) return false;
  if (!take(graph, layer, activation)) return false;
  replacePair(graph, producer, index, std::move(layer));
  return true;
}

}  // namespace

bool pass_fuse_activation(Graph& graph) { return sweep(graph, fuseLayer); }

}  // namespace tessera
