// remove-identity: layers that return their input unchanged.
#include <algorithm>
#include <cmath>

#include "ops/pointwise.hpp"
#include "passes/rewrite.hpp"

namespace tessera {
namespace {

bool all(const std::vector<std::int64_t>& values, std::int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [&](auto value) { return value == wanted; });
}

/// Moving layers that move nothing. Their output has the input's shape, which bypass() checks.
bool movesNothing(const Graph& graph, const Layer& layer) {
  if (layer.op == "Identity" || layer.op == "Dropout") return true;
  if (layer.op == "Reshape" || layer.op == "Expand" || layer.op == "Cast") return true;
  if (layer.op == "Transpose") {
    const auto perm = layer.attrs.integers("perm");
    for (std::size_t i = 0; i < perm.size(); ++i)
      if (perm[i] != static_cast<std::int64_t>(i)) return false;
    return !perm.empty();
  }
  if (layer.op == "Concat") return layer.inputs.size() == 1;
  if (layer.op == "Slice")
    return all(layer.attrs.integers("starts"), 0) && all(layer.attrs.integers("steps"), 1);
  if (layer.op == "Pad") return all(layer.attrs.integers("pads"), 0);
  if (layer.op == "Tile") return all(layer.attrs.integers("repeats"), 1);
  if (layer.op == "DepthToSpace" || layer.op == "SpaceToDepth") return layer.attrs.integer("block") == 1;
  if (layer.op == "ChannelShuffle")
    return layer.attrs.integer("group") == 1 ||
           layer.attrs.integer("group") == graph.tensor(layer.outputs[0]).shape.at(1);
  if (layer.op == "Pool")
    return layer.outputs.size() == 1 && layer.attrs.string("mode") != "lp" &&
           all(layer.attrs.integers("kernel"), 1) && all(layer.attrs.integers("strides"), 1) &&
           all(layer.attrs.integers("pads"), 0);
  return false;
}

/// The operand that arithmetic with a neutral constant returns, or kNoTensor.
TensorId neutralOperand(const Graph& graph, const Layer& layer) {
  const auto isAll = [&](std::size_t slot, double wanted) {
    const HostTensor* value = constantValue(graph, inputAt(layer, slot));
    if (!value || value->type != DataType::Float32) return false;
    const auto values = value->as<float>();
    return std::all_of(values.begin(), values.end(),
                       [&](float v) { return v == static_cast<float>(wanted); });
  };
  if (layer.op == "Add") return isAll(1, 0) ? layer.inputs[0] : isAll(0, 0) ? layer.inputs[1] : kNoTensor;
  if (layer.op == "Mul") return isAll(1, 1) ? layer.inputs[0] : isAll(0, 1) ? layer.inputs[1] : kNoTensor;
  if (layer.op == "Sub") return isAll(1, 0) ? layer.inputs[0] : kNoTensor;
  if (layer.op == "Div" || layer.op == "Pow") return isAll(1, 1) ? layer.inputs[0] : kNoTensor;
  return kNoTensor;
}

/// Functions of one number that are the identity with these constants, or on what the producer gives.
bool changesNothing(const Graph& graph, const Layer& layer) {
  const PointwiseOp* row = layer.inputs.size() == 1 ? findPointwise(layer.op) : nullptr;
  if (!row) return false;
  const auto [alpha, beta] = pointwiseConstants(*row, layer.attrs);
  if (layer.op == "Affine") return alpha == 1 && beta == 0;
  if (layer.op == "Power" || layer.op == "LeakyRelu") return alpha == 1;
  if (layer.op == "Clip" && alpha == -INFINITY && beta == INFINITY) return true;
  const Layer* before = producerLayer(graph, layer.inputs[0]);
  if (!before) return false;
  if (layer.op == "Relu" || layer.op == "Abs")
    return before->op == "Relu" || before->op == "Sigmoid" || before->op == "Abs";
  if (layer.op == "Clip" && before->op == "Clip") {
    const auto inner = pointwiseConstants(*row, before->attrs);
    return alpha <= inner.alpha && beta >= inner.beta && inner.alpha <= inner.beta;
  }
  return layer.op == before->op &&
         (layer.op == "Floor" || layer.op == "Ceil" || layer.op == "Round" || layer.op == "Sign");
}

bool removeLayer(Graph& graph, int index) {
  const Layer& layer = graph.layers()[index];
  if (layer.outputs.size() != 1 || layer.inputs.empty()) return false;
  TensorId value = neutralOperand(graph, layer);
  if (value == kNoTensor && (movesNothing(graph, layer) || changesNothing(graph, layer)))
    value = layer.inputs[0];
  return value != kNoTensor && bypass(graph, index, value);
}

}  // namespace

bool pass_remove_identity(Graph& graph) { return sweep(graph, removeLayer); }

}  // namespace tessera
