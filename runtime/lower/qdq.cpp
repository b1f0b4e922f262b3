// Scales from QuantizeLinear / DequantizeLinear pairs.
#include "lower/qdq.hpp"

#include <algorithm>

#include "graph/evaluate.hpp"
#include "ops/operator.hpp"

namespace tessera {
namespace {

TensorId inputOf(const Layer& layer, std::size_t i) {
  return i < layer.inputs.size() ? layer.inputs[i] : kNoTensor;
}

const HostTensor* constantOf(const Graph& graph, TensorId id) {
  return id == kNoTensor ? nullptr : graph.tensor(id).constant.get();
}

bool isCompute(const std::string& op) {
  return op == "Convolution" || op == "Deconvolution" || op == "FullyConnected";
}

std::vector<float> scalesOf(const Graph& graph, const Layer& layer) {
  const HostTensor* scale = constantOf(graph, inputOf(layer, 1));
  if (!scale) throw Error(ErrorCode::Unsupported, "layer '" + layer.name + "': its scale is not constant");
  std::vector<float> scales;
  for (std::int64_t i = 0; i < scale->size(); ++i) scales.push_back(static_cast<float>(scale->number(i)));
  return scales;
}

// The symmetric scale of an activation coded by `layer` (a Quantize).
float symmetricScale(const Graph& graph, const Layer& layer) {
  const auto scales = scalesOf(graph, layer);
  const std::string tensor = graph.tensor(layer.inputs[0]).name;
  if (scales.size() != 1)
    throw Error(ErrorCode::Unsupported,
                "tensor '" + tensor + "' has a scale per channel; activations take one scale");
  const HostTensor* point = constantOf(graph, inputOf(layer, 2));
  const std::int64_t zero = point ? point->integer(0) : 0;
  const bool isSigned = graph.tensor(layer.outputs[0]).type == DataType::Int8;
  if (isSigned ? zero == 0 : zero == 128) return scales[0];
  if (!isSigned && zero == 0) return scales[0] * 255.0f / 127.0f;
  throw Error(ErrorCode::Unsupported, "tensor '" + tensor + "' is quantised around zero point " +
                                          std::to_string(zero) + "; " + (isSigned ? "0" : "128 or 0") +
                                          " maps to symmetric INT8");
}

}  // namespace

std::optional<Calibration> takeQdq(Graph& graph) {
  Calibration calibration;
  calibration.graphName = graph.name;
  calibration.method = "qdq";
  calibration.partial = true;
  std::vector<Layer> kept;
  std::map<TensorId, std::vector<float>> weightScales;  // float weights by tensor
  bool found = false;
  const std::vector<Layer> before = graph.layers();
  for (const Layer& layer : before) {
    const int producer =
        layer.inputs.empty() || layer.inputs[0] == kNoTensor ? -1 : graph.producer(layer.inputs[0]);
    if (layer.op == "Dequantize" && constantOf(graph, layer.inputs[0])) {
      std::vector<HostTensor> values;
      for (const TensorId id : layer.inputs)
        values.push_back(id == kNoTensor ? HostTensor() : *graph.tensor(id).constant);
      const TensorId weights =
          graph.addConstant(graph.tensor(layer.outputs[0]).name, evaluateLayer(graph, layer, values)[0]);
      weightScales[weights] = scalesOf(graph, layer);
      graph.replaceUses(layer.outputs[0], weights);
      found = true;
    } else if (layer.op == "Dequantize" && producer >= 0 && graph.layers()[producer].op == "Quantize") {
      const Layer& quantize = graph.layers()[producer];
      const TensorId x = quantize.inputs[0];
      calibration.scales[graph.tensor(x).name] = symmetricScale(graph, quantize);
      graph.replaceUses(layer.outputs[0], x);
      found = true;
    }
  }
  if (!found) return std::nullopt;
  // What is left of the pairs has no reader; replaceUses has put the plain tensors in their place.
  auto& layers = graph.layers();
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = layers.size(); i-- > 0;) {
      if (layers[i].op != "Quantize" && layers[i].op != "Dequantize") continue;
      const TensorId out = layers[i].outputs[0];
      if (!graph.consumers(out).empty() || graph.isOutput(out)) continue;
      layers.erase(layers.begin() + static_cast<std::ptrdiff_t>(i));
      changed = true;
    }
  }
  for (const Layer& layer : layers) {
    if (!isCompute(layer.op)) continue;
    const auto weights = weightScales.find(inputOf(layer, 1));
    if (weights != weightScales.end())
      calibration.weightScales[layer.name] = weights->second;
    else
      calibration.floatLayers.insert(layer.name);  // the model left it in floats
  }
  graph.compact();
  graph.verify();
  return calibration;
}

}  // namespace tessera
