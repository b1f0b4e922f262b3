// simplify-arithmetic: sums and products with one constant number become Affine, pairs of those one Affine,
// powers with a constant exponent the cheapest layer that computes them, and a clipped Affine a HardSigmoid
// where it is one.
#include "passes/pattern.hpp"

namespace tessera {
namespace {

bool floatOutput(const EditedGraph& graph, const Layer& layer) {
  return layer.outputs.size() == 1 && graph.tensor(layer.outputs[0]).type == DataType::Float32;
}

/// x (+ - * /) number.
bool scalarToAffine(EditedGraph& graph, int index) {
  const Layer& layer = graph.layers()[index];
  if (layer.inputs.size() != 2) return false;
  for (const std::size_t slot : {1u, 0u}) {
    const auto number = scalarValue(graph, layer.inputs[slot]);
    const TensorId x = layer.inputs[1 - slot];
    if (!number || graph.tensor(x).isConstant()) continue;
    if (graph.tensor(x).shape != graph.tensor(layer.outputs[0]).shape) continue;
    double alpha = 1, beta = 0;
    if (layer.op == "Add")
      beta = *number;
    else if (layer.op == "Mul")
      alpha = *number;
    else if (layer.op == "Sub")
      alpha = slot == 1 ? 1 : -1, beta = slot == 1 ? -*number : *number;
    else if (layer.op == "Div" && slot == 1 && *number != 0)
      alpha = 1 / *number;
    else
      continue;
    if (!std::isfinite(alpha) || !std::isfinite(beta)) continue;
    become(graph, index, "Affine", {x}, {{"alpha", alpha}, {"beta", beta}});
    return true;
  }
  return false;
}

bool negToAffine(EditedGraph& graph, int index) {
  const Layer& layer = graph.layers()[index];
  if (layer.op != "Neg" || !madeBy(graph, layer.inputs[0], "Affine")) return false;
  become(graph, index, "Affine", {layer.inputs[0]}, {{"alpha", -1.0}, {"beta", 0.0}});
  return true;
}

/// Two Affines as one, where the first is nobody else's.
bool mergeAffines(EditedGraph& graph, int index) {
  const Layer second = graph.layers()[index];
  if (second.op != "Affine" || soleConsumer(graph, second.inputs[0]) != index) return false;
  if (!madeBy(graph, second.inputs[0], "Affine")) return false;
  const auto first = affineView(graph, second.inputs[0]), outer = affineView(graph, second.outputs[0]);
  const Attributes both = {{"alpha", first.alpha * outer.alpha},
                           {"beta", first.beta * outer.alpha + outer.beta}};
  replacePair(graph, graph.producer(second.inputs[0]), index,
              {second.name, "Affine", both, {first.input}, {}});
  return true;
}

/// x ^ number.
bool simplifyPower(EditedGraph& graph, int index) {
  const Layer& layer = graph.layers()[index];
  double exponent = 0;
  if (layer.op == "Power") {
    exponent = layer.attrs.number("alpha", 1);
  } else {
    const auto number = layer.op == "Pow" ? scalarValue(graph, layer.inputs[1]) : std::nullopt;
    if (!number || graph.tensor(layer.inputs[0]).shape != graph.tensor(layer.outputs[0]).shape) return false;
    exponent = *number;
  }
  const TensorId x = layer.inputs[0];
  if (exponent == 2)
    become(graph, index, "Mul", {x, x});
  else if (exponent == 0.5)
    become(graph, index, "Sqrt", {x});
  else if (exponent == -1)
    become(graph, index, "Reciprocal", {x});
  else if (layer.op == "Pow")
    become(graph, index, "Power", {x}, {{"alpha", exponent}});
  else
    return false;
  return true;
}

/// a * clip(p * x + q, low, high) + b that runs from 0 to 1.
bool toHardSigmoid(EditedGraph& graph, int index) {
  const Layer& layer = graph.layers()[index];
  if (layer.op != "Affine" && layer.op != "Clip") return false;
  const auto outer = affineView(graph, layer.outputs[0]);
  const Layer* clip = layer.op == "Clip" ? &layer : madeBy(graph, outer.input, "Clip");
  if (!clip || (layer.op == "Clip" && !madeBy(graph, layer.inputs[0], "Affine"))) return false;
  const double scale = layer.op == "Clip" ? 1 : outer.alpha, shift = layer.op == "Clip" ? 0 : outer.beta;
  const double low = clip->attrs.number("alpha", -INFINITY), high = clip->attrs.number("beta", INFINITY);
  if (!(scale > 0) || !nearly(scale * low + shift, 0, 1e-6) || !nearly(scale * high + shift, 1, 1e-6))
    return false;
  const auto inner = affineView(graph, clip->inputs[0]);
  become(graph, index, "HardSigmoid", {inner.input},
         {{"alpha", scale * inner.alpha}, {"beta", scale * inner.beta + shift}});
  return true;
}

bool simplify(EditedGraph& graph, int index) {
  if (!floatOutput(graph, graph.layers()[index])) return false;
  return scalarToAffine(graph, index) || negToAffine(graph, index) || mergeAffines(graph, index) ||
         simplifyPower(graph, index) || toHardSigmoid(graph, index);
}

}  // namespace

bool pass_simplify_arithmetic(Graph& graph) { return sweep(graph, simplify); }

}  // namespace tessera
