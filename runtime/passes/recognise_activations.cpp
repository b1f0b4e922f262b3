// recognise-activations: Silu, HardSwish, Mish and Gelu written out by exporters, after simplify-arithmetic
// has brought their constants into Affine layers.
#include "passes/pattern.hpp"

namespace tessera {
namespace {

/// A product with a constant factor: factor * a * b.
struct Product {
  TensorId a = kNoTensor, b = kNoTensor;
  double factor = 1;
};

std::optional<Product> productOf(const EditedGraph& graph, const Layer& layer) {
  const Layer* mul = layer.op == "Mul" ? &layer : nullptr;
  double factor = 1;
  if (layer.op == "Affine" && layer.attrs.number("beta", 0) == 0) {
    mul = madeBy(graph, layer.inputs[0], "Mul");
    factor = layer.attrs.number("alpha", 1);
  }
  if (!mul) return std::nullopt;
  return Product{mul->inputs[0], mul->inputs[1], factor};
}

/// x * x * x, in either grouping, or as a power.
bool isCube(const EditedGraph& graph, TensorId id, TensorId x) {
  if (const Layer* power = madeBy(graph, id, "Power"))
    return power->inputs[0] == x && power->attrs.number("alpha", 1) == 3;
  const Layer* outer = madeBy(graph, id, "Mul");
  for (const std::size_t i : {0u, 1u}) {
    if (!outer || outer->inputs[i] != x) continue;
    const Layer* square = madeBy(graph, outer->inputs[1 - i], "Mul");
    if (square && square->inputs[0] == x && square->inputs[1] == x) return true;
  }
  return false;
}

/// sqrt(2 / pi) * (x + 0.044715 x^3)
bool isGeluTanhArgument(const EditedGraph& graph, TensorId id, TensorId x) {
  const auto scaled = affineView(graph, id);
  const Layer* sum = madeBy(graph, scaled.input, "Add");
  if (!sum || scaled.beta != 0 || !nearly(scaled.alpha, 0.7978845608)) return false;
  for (const std::size_t i : {0u, 1u}) {
    const auto cubic = affineView(graph, sum->inputs[1 - i]);
    if (sum->inputs[i] == x && cubic.beta == 0 && nearly(cubic.alpha, 0.044715) &&
        isCube(graph, cubic.input, x))
      return true;
  }
  return false;
}

/// The operator that factor * x * gate is; null where it is none. `x` and `gate` may carry constants of their
/// own.
const char* gated(const EditedGraph& graph, const AffineView& x, TensorId gateId, double factor) {
  const auto gate = affineView(graph, gateId);
  const Layer* curve = producerLayer(graph, gate.input);
  if (!curve || x.beta != 0 || curve->inputs.empty()) return nullptr;
  const double total = factor * x.alpha;
  const bool plain = gate.alpha == 1 && gate.beta == 0;
  const TensorId argument = curve->inputs[0];
  if (plain && curve->op == "Sigmoid" && argument == x.input && total == 1) return "Silu";
  if (plain && curve->op == "HardSigmoid" && argument == x.input && total == 1 &&
      nearly(curve->attrs.number("alpha", 0.2), 1 / 6.0) && nearly(curve->attrs.number("beta", 0.5), 0.5))
    return "HardSwish";
  if (plain && curve->op == "Clip") {
    const auto inner = affineView(graph, argument);
    if (inner.input == x.input && inner.alpha == 1 && inner.beta == 3 &&
        curve->attrs.number("alpha", -INFINITY) == 0 && curve->attrs.number("beta", INFINITY) == 6 &&
        nearly(total, 1 / 6.0))
      return "HardSwish";
  }
  if (plain && curve->op == "Tanh" && total == 1) {
    const Layer* softplus = madeBy(graph, argument, "Softplus");
    if (softplus && softplus->inputs[0] == x.input) return "Mish";
  }
  // total * x * (g + g * curve), total * g = 1/2
  if (gate.alpha != gate.beta || !nearly(total * gate.alpha, 0.5)) return nullptr;
  if (curve->op == "Tanh" && isGeluTanhArgument(graph, argument, x.input)) return "GeluTanh";
  const auto inner = affineView(graph, argument);
  if (curve->op == "Erf" && inner.input == x.input && inner.beta == 0 && nearly(inner.alpha, 0.70710678))
    return "Gelu";
  return nullptr;
}

bool recognise(EditedGraph& graph, int index) {
  const auto product = productOf(graph, graph.layers()[index]);
  if (!product || graph.tensor(graph.layers()[index].outputs[0]).type != DataType::Float32) return false;
  for (const bool swapped : {false, true}) {
    const TensorId value = swapped ? product->b : product->a, gate = swapped ? product->a : product->b;
    // The value itself may be an Affine that the gate reads, too.
    for (const auto& x : {AffineView{value, 1, 0}, affineView(graph, value)}) {
      const char* op = gated(graph, x, gate, product->factor);
      if (!op || graph.tensor(x.input).shape != graph.tensor(graph.layers()[index].outputs[0]).shape)
        continue;
      become(graph, index, op, {x.input});
      return true;
    }
  }
  return false;
}

}  // namespace

bool pass_recognise_activations(Graph& graph) { return sweep(graph, recognise); }

}  // namespace tessera
