// Constants of a layer on codes: its weights and what channels that differ do to its biases.
#include <algorithm>

#include "lower/precision.hpp"
#include "ops/operator.hpp"

namespace tessera {
namespace {

// Whether the taps of a channel see neighbours, which are alike; those of a dilated window and of a
// deconvolution, and single ones, do not.
bool seesNeighbours(const Layer& layer, const Shape& weights) {
  const OperatorTraits traits = traitsOf(layer.op);
  if (!traits.window || traits.transposed() || elementCount(weights) == weights[0] * weights[1]) return false;
  const auto dilations = layer.attrs.integers("dilations");
  return std::all_of(dilations.begin(), dilations.end(), [](auto dilation) { return dilation == 1; });
}

}  // namespace

std::int64_t inputChannelOf(const Layer& layer, const Shape& weights, std::int64_t i) {
  const std::int64_t taps = elementCount(weights) / (weights[0] * weights[1]);
  const std::int64_t first = i / taps / weights[1], second = i / taps % weights[1];
  if (traitsOf(layer.op).transposed()) return first;
  return first / (weights[0] / layer.attrs.integer("group", 1)) * weights[1] + second;
}

HostTensor weightsToCode(const Graph& graph, const Layer& layer, const Int8Plan& plan) {
  HostTensor weights = *graph.tensor(layer.inputs[1]).constant;
  const ChannelCodes read = plan.channelsOf(graph, layer.inputs[0]);
  if (read.factor.empty()) return weights;
  auto w = weights.as<float>();
  for (std::int64_t i = 0; i < weights.size(); ++i)
    w[i] *= read.factor[inputChannelOf(layer, weights.shape, i)];
  return weights;
}

CodedWeights weightCodesOf(const Graph& graph, const Layer& layer, const Int8Plan& plan) {
  const auto given = plan.weightScales.find(layer.name);
  const WeightAxis axis = weightAxis(layer);
  const HostTensor weights = weightsToCode(graph, layer, plan);
  CodedWeights coded = encodeWeights(weights, axis.axis, axis.groups,
                                     given == plan.weightScales.end() ? nullptr : &given->second);
  if (plan.roundsBySums && given == plan.weightScales.end() && seesNeighbours(layer, weights.shape))
    roundBySums(coded, weights);
  return coded;
}

std::vector<double> offsetsThrough(const Graph& graph, const Layer& layer, const Int8Plan& plan,
                                   const CodedWeights& weights) {
  const ChannelCodes read = plan.channelsOf(graph, layer.inputs[0]);
  std::vector<double> sums;
  if (!read.offset.empty()) {
    sums.resize(weights.scales.size(), 0.0);
    const auto codes = weights.codes.as<std::int8_t>();
    const std::int64_t perOutput = weights.codes.size() / weights.codes.shape[0];
    for (std::int64_t i = 0; i < weights.codes.size(); ++i) {
      const std::int64_t k = i / perOutput, c = inputChannelOf(layer, weights.codes.shape, i);
      // By double(code * scale / factor), exact enough that no machine's way of adding products matters once
      // it is rounded to a float.
      sums[k] += static_cast<double>(codes[i]) * static_cast<double>(weights.scales[k]) /
                 static_cast<double>(read.factor[c]) * static_cast<double>(read.offset[c]);
    }
  }
  const auto add = [&](TensorId id, double sign) {
    const auto found = id == kNoTensor ? plan.channels.end() : plan.channels.find(id);
    if (found == plan.channels.end() || found->second.offset.empty()) return;
    sums.resize(weights.scales.size(), 0.0);
    for (std::size_t k = 0; k < sums.size(); ++k)
      sums[k] += sign * static_cast<double>(found->second.offset[k]);
  };
  add(layer.inputs.size() > 3 ? layer.inputs[3] : kNoTensor, 1);
  add(layer.outputs[0], -1);
  return sums;
}

}  // namespace tessera
