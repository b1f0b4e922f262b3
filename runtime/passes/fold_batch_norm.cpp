// fold-batch-norm: layers that scale and shift channels go into the weights and bias of the convolution,
// deconvolution or fully connected layer before or after them; what is left of them is merged, and BatchNorm
// becomes Scale.
//
//   after:  (w[k] * x + b[k]) * s[k] + t[k]          = (w[k] s[k]) * x + (b[k] s[k] + t[k])
//   before: sum_c w[k][c] * (x[c] s[c] + t[c]) + b[k] = sum_c (w[k][c] s[c]) * x[c] + (b[k] + sum_c w[k][c]
//   t[c])
// The second sum is the same everywhere only where no window reaches into padding.
#include <algorithm>

#include "ops/operator.hpp"
#include "passes/channel_affine.hpp"
#include "passes/rewrite.hpp"

namespace tessera {
namespace {

/// Constant weights seen as output channel x input channel x the rest, whatever their layer's order is.
class WeightView {
 public:
  /// `channels`: input channels the layer's affine counts in; FullyConnected flattens what lies behind them.
  WeightView(const EditedGraph& graph, const Layer& layer)
      : tensor_(*constantValue(graph, layer.inputs[kWeightsInput])),
        group_(layer.attrs.integer("group", 1)),
        transposed_(traitsOf(layer.op).transposed()) {
    values_.assign(tensor_.as<float>().begin(), tensor_.as<float>().end());
    const auto& shape = tensor_.shape;
    inputs_ = transposed_ ? shape[0] : shape[1] * group_;
    outputs_ = transposed_ ? shape[1] * group_ : shape[0];
    rest_ = tensor_.size() / std::max<std::int64_t>(shape[0] * shape[1], 1);
    if (!traitsOf(layer.op).window) {  // fully connected
      inputs_ = graph.tensor(layer.inputs[0]).shape.at(1);
      rest_ = shape[1] / inputs_;
    }
  }

  /// visit(output channel, input channel, weight) for every weight.
  template <class Visit>
  void each(Visit&& visit) {
    const std::int64_t perGroupOut = outputs_ / group_, perGroupIn = inputs_ / group_;
    std::size_t index = 0;
    const std::int64_t rows = transposed_ ? inputs_ : outputs_,
                       columns = transposed_ ? perGroupOut : perGroupIn;
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t first =
          transposed_ ? row / perGroupIn * perGroupOut : row / perGroupOut * perGroupIn;
      for (std::int64_t column = 0; column < columns; ++column)
        for (std::int64_t i = 0; i < rest_; ++i, ++index)
          transposed_ ? visit(first + column, row, values_[index])
                      : visit(row, first + column, values_[index]);
    }
  }
  const std::vector<double>& values() const { return values_; }
  const Shape& shape() const { return tensor_.shape; }
  std::int64_t outputs() const { return outputs_; }

 private:
  const HostTensor& tensor_;
  std::vector<double> values_;
  std::int64_t group_, inputs_ = 0, outputs_ = 0, rest_ = 0;
  bool transposed_;
};

bool weightsAreConstant(const EditedGraph& graph, const Layer& layer) {
  const HostTensor* weights = constantValue(graph, layer.inputs[kWeightsInput]);
  const TensorId bias = inputAt(layer, kBiasInput);
  return weights && weights->type == DataType::Float32 &&
         (bias == kNoTensor || (constantValue(graph, bias) && graph.tensor(bias).type == DataType::Float32));
}

std::vector<double> biasOf(const EditedGraph& graph, const Layer& layer, std::int64_t outputs) {
  const HostTensor* bias = constantValue(graph, inputAt(layer, kBiasInput));
  if (!bias) return std::vector<double>(outputs, 0);
  return {bias->as<float>().begin(), bias->as<float>().end()};
}

bool foldAfter(EditedGraph& graph, int index, const ChannelAffine& affine) {
  const int producer = graph.producer(affine.input);
  if (producer < 0 || soleConsumer(graph, affine.input) != index) return false;
  Layer layer = graph.layers()[producer];
  if (!hasEpilogue(layer) || !weightsAreConstant(graph, layer)) return false;
  if (!layer.attrs.string("activation").empty() || inputAt(layer, kResidualInput) != kNoTensor) return false;

  WeightView weights(graph, layer);
  auto bias = biasOf(graph, layer, weights.outputs());
  for (std::size_t k = 0; k < bias.size(); ++k) bias[k] = bias[k] * affine.scale[k] + affine.shift[k];
  if (affine.scales()) {
    weights.each([&](std::int64_t k, std::int64_t, double& w) { w *= affine.scale[k]; });
    setInput(layer, kWeightsInput,
             addFloats(graph, layer.name + ":weights", weights.shape(), weights.values()));
  }
  if (affine.shifts() || (affine.scales() && inputAt(layer, kBiasInput) != kNoTensor))
    setInput(layer, kBiasInput,
             addFloats(graph, layer.name + ":bias", {static_cast<std::int64_t>(bias.size())}, bias));
  replacePair(graph, producer, index, std::move(layer));
  return true;
}

/// Whether every window of the layer sees the whole of its weights, all of them over real values.
bool neverReachesPadding(const Layer& layer) {
  const OperatorTraits traits = traitsOf(layer.op);
  if (!traits.window) return true;
  if (traits.transposed()) return false;
  const auto pads = layer.attrs.integers("pads");
  return std::all_of(pads.begin(), pads.end(), [](auto pad) { return pad == 0; });
}

bool foldBefore(EditedGraph& graph, int index, const ChannelAffine& affine) {
  const TensorId between = graph.layers()[index].outputs[0];
  const int consumer = soleConsumer(graph, between);
  if (consumer < 0) return false;
  Layer layer = graph.layers()[consumer];
  if (!hasEpilogue(layer) || layer.inputs[0] != between || !weightsAreConstant(graph, layer)) return false;
  if (affine.shifts() && !neverReachesPadding(layer)) return false;

  WeightView weights(graph, layer);
  auto bias = biasOf(graph, layer, weights.outputs());
  weights.each([&](std::int64_t k, std::int64_t c, double& w) {
    bias[k] += w * affine.shift[c];
    w *= affine.scale[c];
  });
  if (affine.scales())
    setInput(layer, kWeightsInput,
             addFloats(graph, layer.name + ":weights", weights.shape(), weights.values()));
  if (affine.shifts())
    setInput(layer, kBiasInput,
             addFloats(graph, layer.name + ":bias", {static_cast<std::int64_t>(bias.size())}, bias));
  layer.inputs[0] = affine.input;
  graph.setLayer(consumer, std::move(layer));
  graph.erase(index);
  return true;
}

/// The one layer that stands for an affine.
Layer affineLayer(EditedGraph& graph, const std::string& name, const ChannelAffine& affine) {
  const auto uniform = [](const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; });
  };
  if (!affine.scale.empty() && uniform(affine.scale) && uniform(affine.shift))
    return {name, "Affine", {{"alpha", affine.scale[0]}, {"beta", affine.shift[0]}}, {affine.input}, {}};
  const Shape channels = {static_cast<std::int64_t>(affine.scale.size())};
  Layer scale{name, "Scale", {{"axis", std::int64_t{1}}}, {affine.input}, {}};
  scale.inputs.push_back(addFloats(graph, name + ":scale", channels, affine.scale));
  if (affine.shifts()) scale.inputs.push_back(addFloats(graph, name + ":shift", channels, affine.shift));
  return scale;
}

bool mergePair(EditedGraph& graph, int index, const ChannelAffine& affine) {
  const int producer = graph.producer(affine.input);
  if (producer < 0 || soleConsumer(graph, affine.input) != index) return false;
  const auto first = channelAffine(graph, graph.layers()[producer]);
  if (!first) return false;
  replacePair(graph, producer, index, affineLayer(graph, graph.layers()[index].name, affine.after(*first)));
  return true;
}

bool rewriteBatchNorm(EditedGraph& graph, int index, const ChannelAffine& affine) {
  if (graph.layers()[index].op != "BatchNorm") return false;
  Layer scale = affineLayer(graph, graph.layers()[index].name, affine);
  scale.outputs = graph.layers()[index].outputs;
  graph.setLayer(index, std::move(scale));
  return true;
}

bool foldLayer(EditedGraph& graph, int index) {
  const auto affine = channelAffine(graph, graph.layers()[index]);
  if (!affine || graph.tensor(affine->input).type != DataType::Float32) return false;
  return foldAfter(graph, index, *affine) || mergePair(graph, index, *affine) ||
         foldBefore(graph, index, *affine) || rewriteBatchNorm(graph, index, *affine);
}

}  // namespace

bool pass_fold_batch_norm(Graph& graph) { return sweep(graph, foldLayer); }

}  // namespace tessera
