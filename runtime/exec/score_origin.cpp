// Following scores back to the layer that makes them.
#include "exec/score_origin.hpp"

#include <set>

#include "ops/operator.hpp"

namespace tessera {
namespace {

bool isChain(const Layer& layer) { return layer.op == "Pointwise" || layer.op == "QPointwise"; }

// Whether a layer gives its input's values, in other places or another type.
bool keepsValues(const Layer& layer) {
  if (isChain(layer)) return layer.attrs.string("expression", "").empty();  // only coded or decoded
  static const std::set<std::string> moving{"Cast",     "Reformat",   "Transpose", "Reshape",
                                            "Identity", "Dequantize", "Quantize"};
  return moving.count(layer.op) > 0;
}

bool isProbability(const Layer& layer) {
  if (layer.op == "Softmax") return layer.attrs.integer("log") == 0;
  if (layer.op == "Sigmoid" || layer.attrs.string("activation", "") == "Sigmoid") return true;
  if (!isChain(layer)) return false;
  const std::string steps = layer.attrs.string("expression", "");  // the last one gives the result
  const auto last = steps.rfind('=');
  return last != std::string::npos && steps.compare(last + 1, 8, "Sigmoid(") == 0;
}

}  // namespace

ScoreKind scoreKindOf(const Graph& graph, const std::string& output) {
  for (TensorId tensor : graph.outputs()) {
    if (graph.tensor(tensor).name != output) continue;
    for (int index = graph.producer(tensor); index >= 0; index = graph.producer(tensor)) {
      const Layer& layer = graph.layers()[static_cast<std::size_t>(index)];
      if (isProbability(layer)) return ScoreKind::Probabilities;
      if (!keepsValues(layer) || layer.inputs.empty() || layer.inputs[0] == kNoTensor) break;
      tensor = layer.inputs[0];
    }
  }
  return ScoreKind::Logits;
}

}  // namespace tessera
