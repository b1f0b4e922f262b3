// Float operators that ONNX Runtime's own optimiser writes into the models it saves.
#include "importers/onnx/matmul.hpp"
#include "importers/onnx/window.hpp"

namespace tessera::onnx {
namespace {

/// The activation that a fused operator ends with; `parameters` are alpha and beta, or bounds.
TensorId withActivation(Node& node, TensorId x, const std::vector<double>& parameters) {
  const std::string type = node.string("activation", "");
  if (type.empty()) return x;
  const auto parameter = [&](std::size_t i, double fallback) {
    return i < parameters.size() ? parameters[i] : fallback;
  };
  Attributes attrs;
  if (type == "LeakyRelu")
    attrs = {{"alpha", parameter(0, 0.01)}};
  else if (type == "Clip" && parameters.size() == 2)
    attrs = {{"alpha", parameters[0]}, {"beta", parameters[1]}};
  else if (type == "HardSigmoid")
    attrs = {{"alpha", parameter(0, 0.2)}, {"beta", parameter(1, 0.5)}};
  else if (type != "Relu" && type != "Sigmoid" && type != "Tanh" && type != "HardSwish" && type != "Softplus")
    node.unsupported("its activation '" + type + "' is not known");
  return node.add(type, {x}, std::move(attrs), type);
}

void fusedConv(Node& node) {
  if (node.rank(1) < 3) node.bad("the weights have too few extents");
  const SlidingWindow window = slidingWindow(node, {node.shape(1).begin() + 2, node.shape(1).end()});
  std::vector<TensorId> operands{node.in(0), node.in(1)};
  if (node.has(2)) operands.push_back(node.in(2));
  TensorId y = node.add("Convolution", std::move(operands),
                        {{"strides", window.strides},
                         {"dilations", window.dilations},
                         {"pads", window.pads},
                         {"group", node.integer("group", 1)}});
  if (node.has(3)) y = node.add("Add", {y, node.in(3)}, {}, "sum");
  node.set(0, withActivation(node, y, node.numbers("activation_params")));
}

void fusedGemm(Node& node) {
  std::vector<double> parameters;
  if (node.hasAttribute("activation_alpha")) parameters.push_back(node.number("activation_alpha", 0));
  if (node.hasAttribute("activation_beta")) parameters.push_back(node.number("activation_beta", 0));
  if (node.hasAttribute("leaky_relu_alpha")) parameters = {node.number("leaky_relu_alpha", 0.01)};
  node.set(0, withActivation(node, gemm(node), parameters));
}

TensorId lastTwoSwapped(Node& node, TensorId x, bool swap) {
  const auto rank = static_cast<std::int64_t>(node.shapeOf(x).size());
  if (!swap || rank < 2) return x;
  std::vector<std::int64_t> perm;
  for (std::int64_t i = 0; i < rank; ++i) perm.push_back(i);
  std::swap(perm[static_cast<std::size_t>(rank - 1)], perm[static_cast<std::size_t>(rank - 2)]);
  return node.add("Transpose", {x}, {{"perm", perm}}, "turned");
}

void fusedMatMul(Node& node) {
  if (node.flag("transBatchA") || node.flag("transBatchB"))
    node.unsupported("it moves batch extents (transBatchA or transBatchB)");
  const TensorId y = matMul(node, lastTwoSwapped(node, node.in(0), node.flag("transA")),
                            lastTwoSwapped(node, node.in(1), node.flag("transB")));
  const double alpha = node.number("alpha", 1);
  node.set(0, alpha == 1 ? y : node.add("Affine", {y}, {{"alpha", alpha}, {"beta", 0.0}}, "alpha"));
}

TensorId plus(Node& node, TensorId x, std::size_t input) {
  return node.has(input) ? node.add("Add", {x, node.in(input)}, {}, "sum") : x;
}

void gelu(Node& node) {
  const bool biased = node.type() != "Gelu";
  const TensorId x = biased ? plus(node, node.in(0), 1) : node.in(0);
  node.result(node.type() == "FastGelu" ? "GeluTanh" : "Gelu", {x});
}

void quickGelu(Node& node) {
  const double alpha = node.number("alpha", 1.702);
  const TensorId scaled = node.add("Affine", {node.in(0)}, {{"alpha", alpha}, {"beta", 0.0}}, "scaled");
  node.result("Mul", {node.in(0), node.add("Sigmoid", {scaled}, {}, "gate")});
}

/// x / sqrt(mean(x^2) + epsilon) * scale over the axes from `axis` on.
TensorId byRootMeanSquare(Node& node, TensorId x, TensorId scale, std::int64_t axis) {
  std::vector<std::int64_t> axes;
  for (auto i = axis; i < static_cast<std::int64_t>(node.shapeOf(x).size()); ++i) axes.push_back(i);
  const TensorId square = node.add("Mul", {x, x}, {}, "square");
  const TensorId mean =
      node.add("Reduce", {square}, {{"mode", "mean"}, {"axes", axes}, {"keepdims", 1}}, "mean");
  const TensorId shifted =
      node.add("Affine", {mean}, {{"alpha", 1.0}, {"beta", node.number("epsilon", 1e-5)}}, "epsilon");
  const TensorId root = node.add("Sqrt", {shifted}, {}, "root");
  return node.add("Mul", {node.add("Div", {x, root}, {}, "normalised"), scale});
}

void simplifiedLayerNorm(Node& node) {
  const std::int64_t axis = node.axis(node.integer("axis", -1), node.rank(0));
  node.set(0, byRootMeanSquare(node, node.in(0), node.in(1), axis));
}

/// Normalises the sum of input and skip, which is its last output.
void skipLayerNorm(Node& node) {
  const bool simplified = node.type() == "SkipSimplifiedLayerNormalization";
  const TensorId x = plus(node, node.add("Add", {node.in(0), node.in(1)}, {}, "skip"), simplified ? 3 : 4);
  const std::int64_t axis = node.rank(0) - 1;
  if (axis < 0) node.bad("the input has no extents");
  node.set(3, x);
  if (simplified) return node.set(0, byRootMeanSquare(node, x, node.in(2), axis));
  std::vector<TensorId> operands{x, node.in(2)};
  if (node.has(3)) operands.push_back(node.in(3));
  node.result("LayerNorm", std::move(operands), {{"axis", axis}, {"epsilon", node.number("epsilon", 1e-12)}});
}

}  // namespace

void addRows_contrib(RowList& rows) {
  rows.push_back({"com.microsoft.FusedConv", 1, kNewest, fusedConv});
  rows.push_back({"com.microsoft.FusedGemm", 1, kNewest, fusedGemm});
  rows.push_back({"com.microsoft.FusedMatMul", 1, kNewest, fusedMatMul});
  for (const char* type : {"com.microsoft.Gelu", "com.microsoft.BiasGelu", "com.microsoft.FastGelu"})
    rows.push_back({type, 1, kNewest, gelu});
  rows.push_back({"com.microsoft.QuickGelu", 1, kNewest, quickGelu});
  // ONNX Runtime keeps this one in the format's own domain, in every operator set.
  rows.push_back({"SimplifiedLayerNormalization", 1, kNewest, simplifiedLayerNorm});
  rows.push_back({"com.microsoft.SkipLayerNormalization", 1, kNewest, skipLayerNorm});
  rows.push_back({"com.microsoft.SkipSimplifiedLayerNormalization", 1, kNewest, skipLayerNorm});
}

}  // namespace tessera::onnx
