// remove-identity: layers that return their input unchanged.
#include <algorithm>
#include <cmath>

#include "ops/operator.hpp"
#include "ops/pointwise.hpp"
#include "passes/rewrite.hpp"

namespace tessera {
namespace {

bool all(const std::vector<std::int64_t>& values, std::int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [&](auto value) { return value == wanted; });
}

/// Moving layers that move nothing. Their output has the input's shape, which bypass() checks.
bool movesNothing(const Graph& graph, const Layer& layer) {
  using View = OperatorTraits::View;
  const View view = traitsOf(layer.op).view;
  if (view == View::Same || view == View::Reshaped || layer.op == "Expand" || layer.op == "Cast") return true;
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

/// Functions of one number that are the identity with these constants, or on what layer `before` gives.
bool changesNothing(const Layer& layer, const Layer* before) {
  const PointwiseOp* row = layer.inputs.size() == 1 ? findPointwise(layer.op) : nullptr;
  if (!row) return false;
  const auto [alpha, beta] = pointwiseConstants(*row, layer.attrs);
  if (layer.op == "Affine") return alpha == 1 && beta == 0;
  if (layer.op == "Power" || layer.op == "LeakyRelu") return alpha == 1;
  if (layer.op == "Clip" && alpha == -INFINITY && beta == INFINITY) return true;
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

/// One walk from the first layer to the last. What reads a removed layer's output comes behind it, so that
/// inputs are brought up to date where they are met, and large networks take time in proportion to their
/// layers.
class Removal {
 public:
  explicit Removal(Graph& graph)
      : graph_(graph),
        producer_(graph.tensors().size(), -1),
        becomes_(graph.tensors().size(), kNoTensor),
        isOutput_(graph.tensors().size(), false),
        dead_(graph.layers().size(), false) {
    for (TensorId id : graph.outputs()) isOutput_[id] = true;
  }

  bool run() {
    auto& layers = graph_.editLayers();
    bool changed = false;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      follow(layers[i]);
      if ((dead_[i] = removable(layers[i])))
        changed = true;
      else
        for (TensorId id : layers[i].outputs)
          if (id != kNoTensor) producer_[id] = static_cast<int>(i);
    }
    if (!changed) return false;
    for (Layer& layer : layers) follow(layer);  // graph outputs took the place of tensors read earlier
    std::size_t kept = 0;
    for (std::size_t i = 0; i < layers.size(); ++i)
      if (!dead_[i] && i != kept++) layers[kept - 1] = std::move(layers[i]);
    layers.resize(kept);
    return true;
  }

 private:
  void follow(Layer& layer) const {
    for (TensorId& id : layer.inputs)
      while (id != kNoTensor && becomes_[id] != kNoTensor) id = becomes_[id];
  }

  bool removable(Layer& layer) {
    if (layer.outputs.size() != 1 || layer.inputs.empty()) return false;
    TensorId value = neutralOperand(graph_, layer);
    const int source = layer.inputs[0] == kNoTensor ? -1 : producer_[layer.inputs[0]];
    const Layer* before = source < 0 ? nullptr : &graph_.layers()[static_cast<std::size_t>(source)];
    if (value == kNoTensor && (movesNothing(graph_, layer) || changesNothing(layer, before)))
      value = layer.inputs[0];
    return value != kNoTensor && bypass(layer.outputs[0], value);
  }

  /// Lets `value` take the place of `output`; graph outputs keep their name: the layer that computes `value`
  /// then writes the output's tensor. False where that is not possible.
  bool bypass(TensorId output, TensorId value) {
    if (graph_.tensor(output).type != graph_.tensor(value).type ||
        graph_.tensor(output).shape != graph_.tensor(value).shape)
      return false;
    if (!isOutput_[output]) {
      becomes_[output] = value;
      return true;
    }
    const int source = producer_[value];
    if (source < 0 || isOutput_[value]) return false;
    auto& outputs = graph_.editLayers()[static_cast<std::size_t>(source)].outputs;
    std::replace(outputs.begin(), outputs.end(), value, output);
    becomes_[value] = output;
    producer_[output] = source;
    return true;
  }

  Graph& graph_;
  std::vector<int> producer_;      ///< layer that computes a tensor
  std::vector<TensorId> becomes_;  ///< what replaces a tensor
  std::vector<bool> isOutput_, dead_;
};

}  // namespace

bool pass_remove_identity(Graph& graph) { return Removal(graph).run(); }

}  // namespace tessera
