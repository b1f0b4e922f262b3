// Inputs and outputs in codes become numbers.
#include "importers/common/decode_ends.hpp"

#include <algorithm>
#include <string>

namespace tessera {
namespace {

bool isCoded(DataType type) { return type == DataType::Int8 || type == DataType::UInt8; }

/// How codes mean numbers, as operands of Quantize and Dequantize.
struct CodeOperands {
  TensorId scale = kNoTensor, zero = kNoTensor;
  std::int64_t axis = 1;
};

CodeOperands operandsOf(const Layer& layer) {
  return {layer.inputs.at(1), layer.inputs.size() > 2 ? layer.inputs[2] : kNoTensor,
          layer.attrs.integer("axis", 1)};
}

void decodeInput(Graph& graph, TensorId input) {
  const std::string name = graph.tensor(input).name;
  const DataType type = graph.tensor(input).type;
  CodeOperands how;
  for (const int reader : graph.consumers(input)) {
    const Layer& layer = graph.layers()[static_cast<std::size_t>(reader)];
    if (layer.op == "Dequantize" && layer.inputs[0] == input && how.scale == kNoTensor)
      how = operandsOf(layer);
  }
  if (how.scale == kNoTensor) {
    how.scale = graph.addConstant(name + "/scale", HostTensor::of<float>({}, {1}));
    how.zero = graph.addConstant(name + "/zero", HostTensor(type, {}));
  }
  graph.tensor(input).type = DataType::Float32;
  const TensorId codes = graph.add("Quantize", name + "/codes", {input, how.scale, how.zero},
                                   {{"axis", how.axis}, {"to", std::string(toString(type))}});
  std::vector<Layer>& layers = graph.editLayers();
  for (std::size_t i = 0; i + 1 < layers.size(); ++i)
    std::replace(layers[i].inputs.begin(), layers[i].inputs.end(), input, codes);
  std::rotate(layers.begin(), layers.end() - 1, layers.end());
}

/// The Quantize that made a tensor, also through layers that only move codes of one scale.
const Layer* makerOf(const Graph& graph, TensorId codes) {
  bool moved = false;
  for (int index = graph.producer(codes); index >= 0; index = graph.producer(codes)) {
    const Layer& layer = graph.layers()[static_cast<std::size_t>(index)];
    if (layer.op == "Quantize")
      return moved && elementCount(graph.tensor(layer.inputs.at(1)).shape) > 1 ? nullptr : &layer;
    if (layer.op != "Identity" && layer.op != "Reshape" && layer.op != "Transpose") return nullptr;
    codes = layer.inputs.at(0);
    moved = true;
  }
  return nullptr;
}

}  // namespace

void decodeEnds(Graph& graph) {
  bool changed = false;
  for (const TensorId input : std::vector<TensorId>(graph.inputs()))
    if (isCoded(graph.tensor(input).type) && !graph.isOutput(input)) {
      decodeInput(graph, input);
      changed = true;
    }
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    const TensorId codes = graph.outputs()[i];
    const Layer* maker = isCoded(graph.tensor(codes).type) ? makerOf(graph, codes) : nullptr;
    if (!maker) continue;
    const CodeOperands how = operandsOf(*maker);
    const std::string name = graph.tensor(codes).name;
    graph.tensor(codes).name = name + "/codes";
    graph.outputs()[i] = graph.add("Dequantize", name + "/numbers", {codes, how.scale, how.zero},
                                   {{"axis", how.axis}}, {name});
    changed = true;
  }
  if (changed) graph.verify();
}

}  // namespace tessera
