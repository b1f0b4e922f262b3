// QuantizeLinear / DequantizeLinear pairs of a model.
#include "lower/qdq.hpp"

#include <algorithm>

#include "graph/evaluate.hpp"
#include "lower/explicit_codes.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

// Scales of a dequantised constant and the axis they belong to.
struct Scales {
  std::vector<float> values;
  std::int64_t axis = 0;
};

bool allConstant(const Graph& graph, const Layer& layer) {
  return std::all_of(layer.inputs.begin(), layer.inputs.end(),
                     [&](TensorId id) { return id == kNoTensor || graph.tensor(id).isConstant(); });
}

// Quantize and Dequantize layers of constants are computed now.
std::map<TensorId, Scales> foldCoded(Graph& graph) {
  std::map<TensorId, Scales> found;
  auto& layers = graph.editLayers();
  for (std::size_t i = 0; i < layers.size();) {
    const Layer layer = layers[i];
    const bool codes = layer.op == "Quantize" || layer.op == "Dequantize";
    if (!codes || !allConstant(graph, layer) || graph.isOutput(layer.outputs[0])) {
      ++i;
      continue;
    }
    std::vector<HostTensor> values;
    for (const TensorId id : layer.inputs)
      values.push_back(id == kNoTensor ? HostTensor() : *graph.tensor(id).constant);
    auto result = evaluateLayer(graph, layer, values);
    graph.tensor(layer.outputs[0]).constant = std::make_shared<const HostTensor>(std::move(result[0]));
    layers.erase(layers.begin() + static_cast<std::ptrdiff_t>(i));
    if (layer.op != "Dequantize") continue;
    Scales& scales = found[layer.outputs[0]];
    for (std::int64_t k = 0; k < values[1].size(); ++k)
      scales.values.push_back(static_cast<float>(values[1].number(k)));
    const auto rank = static_cast<std::int64_t>(values[0].shape.size());
    scales.axis = layer.attrs.integer("axis", 1);
    if (scales.axis < 0) scales.axis += rank;
  }
  return found;
}

// Equal Quantize layers of one tensor become one.
void mergeEqual(Graph& graph) {
  auto& layers = graph.editLayers();
  std::map<TensorId, std::vector<Layer>> kept;  // by the tensor they read
  for (std::size_t i = 0; i < layers.size();) {
    const Layer layer = layers[i];
    const auto parameters = layer.op == "Quantize" ? codeParameters(graph, layer) : std::nullopt;
    if (!parameters || graph.isOutput(layer.outputs[0])) {
      ++i;
      continue;
    }
    auto& others = kept[layer.inputs[0]];
    const auto same = std::find_if(others.begin(), others.end(), [&](const Layer& other) {
      return codeParameters(graph, other) == parameters;
    });
    if (same == others.end()) {
      others.push_back(layer);
      ++i;
      continue;
    }
    graph.replaceUses(layer.outputs[0], same->outputs[0]);
    layers.erase(layers.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void become(Graph& graph, int index, TensorId input, double scale, std::optional<double> rate) {
  Layer& layer = graph.editLayers()[index];
  layer.op = "QPointwise";
  layer.inputs = {input};
  layer.attrs = {{"expression", std::string()}, {"scales", std::vector<double>{scale}}};
  if (rate) layer.attrs.set("rate", *rate);
  graph.reinfer(index);
}

// encode, decode, Relu -> Relu, encode, decode, where nothing else reads what lies between: the same codes,
// and the Relu reaches the layer before.
void hoistRelus(Graph& graph) {
  const auto soleReader = [&](TensorId id) {
    const auto readers = graph.consumers(id);
    return readers.size() == 1 && !graph.isOutput(id) ? readers[0] : -1;
  };
  for (std::size_t first = 0; first < graph.layers().size(); ++first) {
    const auto& found = graph.layers();
    const int second = isEncode(found[first]) ? soleReader(found[first].outputs[0]) : -1;
    const int third = second >= 0 && isDecode(found[second]) ? soleReader(found[second].outputs[0]) : -1;
    if (third < 0 || found[third].op != "Relu") continue;
    auto& layers = graph.editLayers();
    Layer &encode = layers[first], &decode = layers[second], &relu = layers[third];
    const TensorId x = encode.inputs[0], codes = encode.outputs[0], y = decode.outputs[0],
                   result = relu.outputs[0];
    std::swap(encode, relu);  // Relu, decode, encode
    std::swap(decode, relu);  // Relu, encode, decode
    encode.inputs = {x}, encode.outputs = {y};
    decode.inputs = {y}, decode.outputs = {codes};
    relu.inputs = {codes}, relu.outputs = {result};
  }
}

}  // namespace

std::optional<Calibration> takeQdq(Graph& graph) {
  const auto& layers = graph.layers();
  if (std::none_of(layers.begin(), layers.end(),
                   [](const Layer& l) { return l.op == "Quantize" || l.op == "Dequantize"; }))
    return std::nullopt;
  Calibration calibration;
  calibration.graphName = graph.name;
  calibration.method = "qdq";
  calibration.partial = true;
  const auto weights = foldCoded(graph);
  mergeEqual(graph);
  struct Pair {
    int quantize;
    float scale;
    std::vector<int> readers;
  };
  std::vector<Pair> pairs;
  for (int i = 0; i < static_cast<int>(layers.size()); ++i)
    if (layers[i].op == "Quantize" && whyKept(graph, layers[i]).empty())
      pairs.push_back({i, codeParameters(graph, layers[i])->scale, graph.consumers(layers[i].outputs[0])});
  for (const auto& [quantize, scale, readers] : pairs) {
    become(graph, quantize, layers[quantize].inputs[0], 0, static_cast<double>(inverseScale(scale)));
    for (const int reader : readers)
      become(graph, reader, layers[reader].inputs[0], static_cast<double>(scale), std::nullopt);
  }
  hoistRelus(graph);
  for (const Layer& layer : layers) {
    if (isDecode(layer))
      calibration.scales[graph.tensor(layer.outputs[0]).name] =
          static_cast<float>(layer.attrs.numbers("scales")[0]);
    if (!hasIntegerWeights(layer)) continue;
    const auto found = weights.find(layer.inputs[traitsOf(layer.op).weights->input]);
    if (found == weights.end()) continue;
    const Scales& scales = found->second;
    if (scales.values.size() == 1 || scales.axis == static_cast<std::int64_t>(weightAxis(layer).axis))
      calibration.weightScales[layer.name] = scales.values;
  }
  graph.compact();
  graph.verify();
  return calibration;
}

}  // namespace tessera
