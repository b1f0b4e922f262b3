// QuantizeLinear / DequantizeLinear pairs of a model.
#include "lower/qdq.hpp"

#include <algorithm>
#include <cmath>
#include <set>

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

Attributes encoding(const CodeParameters& to) {
  return {{"expression", std::string()},
          {"scales", std::vector<double>{0.0}},
          {"rate", static_cast<double>(inverseScale(to.scale))},
          {"zero", to.codeZero()}};
}
Attributes decoding(const CodeParameters& of) {
  return {{"expression", std::string()},
          {"scales", std::vector<double>{static_cast<double>(of.scale)}},
          {"zeros", std::vector<std::int64_t>{of.codeZero()}}};
}

void becomeCodes(Graph& graph, int index, Attributes attrs) {
  Layer& layer = graph.editLayers()[index];
  layer.op = "QPointwise";
  layer.inputs = {layer.inputs[0]};
  layer.attrs = std::move(attrs);
  graph.reinfer(index);
}

TensorId insertLayer(Graph& graph, int index, const std::string& name, TensorId input,
                     const Attributes& attrs) {
  const TensorId output = graph.add("QPointwise", name, {input}, attrs);
  auto& layers = graph.editLayers();
  std::rotate(layers.begin() + index, layers.end() - 1, layers.end());
  return output;
}

// Adds a pair of encode and decode behind a tensor, whose readers that `wanted` names read its result
// instead.
template <class Wanted>
void addPair(Graph& graph, int producer, TensorId id, const CodeParameters& codes, Wanted&& wanted) {
  const std::string name = graph.tensor(id).name;
  std::vector<int> readers;
  for (const int reader : graph.consumers(id))
    if (wanted(graph.layers()[reader])) readers.push_back(reader + 2);
  const TensorId coded = insertLayer(graph, producer + 1, name + "/encode", id, encoding(codes));
  const TensorId multiples = insertLayer(graph, producer + 2, name + "/decode", coded, decoding(codes));
  for (const int reader : readers) std::ranges::replace(graph.editLayers()[reader].inputs, id, multiples);
}

// Whether a layer with weights reads the tensor, moved perhaps.
bool reachesWeights(const Graph& graph, TensorId id) {
  return std::ranges::any_of(graph.consumers(id), [&](int reader) {
    const Layer& layer = graph.layers()[reader];
    if (hasIntegerWeights(layer)) return layer.inputs[0] == id;
    return int8Role(graph, layer) == Int8Role::Moving &&
           std::ranges::any_of(layer.outputs, [&](TensorId out) { return reachesWeights(graph, out); });
  });
}

// Codes that the model has from elsewhere (an input of the network, codes that it moves) become codes
// again for layers with weights: what a DequantizeLinear gives is encoded exactly.
void encodeAgain(Graph& graph) {
  for (int i = 0; i < static_cast<int>(graph.layers().size()); ++i) {
    const Layer layer = graph.layers()[i];
    const auto codes = layer.op == "Dequantize" ? codeParameters(graph, layer) : std::nullopt;
    if (!codes || !codes->usable() || codes->type == DataType::Int32) continue;
    if (reachesWeights(graph, layer.outputs[0]))
      addPair(graph, i, layer.outputs[0], *codes, [](const Layer&) { return true; });
  }
}

// Members of a concat whose result is encoded are encoded the same way before it: it then moves codes.
void encodeMembers(Graph& graph) {
  for (int i = 0; i < static_cast<int>(graph.layers().size()); ++i) {
    const Layer encode = graph.layers()[i];
    const int joint = isEncode(encode) ? graph.producer(encode.inputs[0]) : -1;
    if (joint < 0 || !traitsOf(graph.layers()[joint].op).joins || graph.isOutput(encode.inputs[0]) ||
        graph.consumers(encode.inputs[0]).size() != 1 ||
        int8Role(graph, graph.layers()[joint]) != Int8Role::Moving)
      continue;
    const auto readers = graph.consumers(encode.outputs[0]);
    if (readers.empty() || !isDecode(graph.layers()[readers[0]])) continue;
    const Attributes attrs = graph.layers()[readers[0]].attrs;
    const CodeParameters codes{static_cast<float>(attrs.numbers("scales")[0]), attrs.integers("zeros")[0],
                               DataType::Int8};
    const Layer join = graph.layers()[joint];
    std::set<TensorId> members(join.inputs.begin(), join.inputs.end());
    for (const TensorId member : members) {
      const int producer = graph.producer(member);
      if (graph.tensor(member).isConstant()) continue;
      if (producer >= 0 && isDecode(graph.layers()[producer]) && graph.layers()[producer].attrs == attrs)
        continue;
      addPair(graph, producer, member, codes, [&](const Layer& reader) { return reader.name == join.name; });
      i += 2;
    }
  }
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
    CodeParameters codes;
    std::vector<int> readers;
  };
  std::vector<Pair> pairs;
  for (int i = 0; i < static_cast<int>(layers.size()); ++i)
    if (layers[i].op == "Quantize" && whyKept(graph, layers[i]).empty())
      pairs.push_back({i, *codeParameters(graph, layers[i]), graph.consumers(layers[i].outputs[0])});
  for (const auto& [quantize, codes, readers] : pairs) {
    becomeCodes(graph, quantize, encoding(codes));
    for (const int reader : readers) becomeCodes(graph, reader, decoding(codes));
  }
  encodeAgain(graph);
  encodeMembers(graph);
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
