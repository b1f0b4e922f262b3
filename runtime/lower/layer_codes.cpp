// Constants of a layer on codes: its weights and what channels that differ do to its biases.
#include <algorithm>
#include <functional>

#include "lower/precision.hpp"
#include "ops/operator.hpp"

namespace tessera {
namespace {

// Colours of an image, or a grey one and its masks.
constexpr std::int64_t kImageChannels = 4;

// Whether the layer reads an image: an input of the network of few channels, moved perhaps.
bool readsImage(const Graph& graph, const Layer& layer) {
  TensorId x = layer.inputs[0];
  for (int producer = graph.producer(x); producer >= 0; producer = graph.producer(x)) {
    const Layer& before = graph.layers()[producer];
    const OperatorTraits traits = traitsOf(before.op);
    if (!traits.follow || traits.joins || activations(graph, before.inputs).size() != 1) return false;
    x = activations(graph, before.inputs)[0];
  }
  return graph.tensor(layer.inputs[0]).shape[1] <= kImageChannels && layer.attrs.integer("group", 1) == 1;
}

// By the index of a weight.
using PlaceOfWeight = std::function<auto(std::int64_t)->WeightPlace>;

// Of a deconvolution: an output pixel sees the taps whose coordinates leave the same when divided by the
// strides.
PlaceOfWeight placesByPhase(const Layer& layer, const Shape& weights) {
  const auto given = layer.attrs.integers("strides");
  std::vector<std::int64_t> strides(given.begin(), given.end());
  strides.resize(weights.size() - 2, 1);
  const std::int64_t group = layer.attrs.integer("group", 1),
                     taps = elementCount(weights) / (weights[0] * weights[1]), inputs = weights[0] / group;
  return [=](std::int64_t i) -> WeightPlace {
    std::int64_t phase = 0, phases = 1, tap = i % taps;
    for (std::size_t axis = weights.size(); axis-- > 2;) {
      phase += tap % weights[axis] % strides[axis - 2] * phases;
      phases *= strides[axis - 2];
      tap /= weights[axis];
    }
    const std::int64_t row = i / taps / weights[1], column = i / taps % weights[1];
    return {row / inputs * weights[1] + column, row % inputs * phases + phase};
  };
}

// The sums of a layer whose weights multiply what is alike: neighbours within the window, and the colours of
// an image. None for dilated windows, whose taps lie far apart, and for single ones.
PlaceOfWeight placesOf(const Graph& graph, const Layer& layer, const Shape& weights) {
  const OperatorTraits traits = traitsOf(layer.op);
  const auto dilations = layer.attrs.integers("dilations");
  if (!traits.window || std::ranges::any_of(dilations, [](auto dilation) { return dilation != 1; }))
    return {};
  if (traits.transposed()) return placesByPhase(layer, weights);
  const std::int64_t length = elementCount(weights) / weights[0], taps = length / weights[1];
  const bool image = readsImage(graph, layer);
  if (taps == 1 && !image) return {};
  return [=](std::int64_t i) -> WeightPlace { return {i / length, image ? 0 : i % length / taps}; };
}

}  // namespace

InputChannels::InputChannels(const Layer& layer, const Shape& weights)
    : transposed_(traitsOf(layer.op).transposed()),
      taps_(elementCount(weights) / (weights[0] * weights[1])),
      perRow_(weights[1]),
      row_(taps_ * perRow_),
      rowsPerGroup_(weights[0] / layer.attrs.integer("group", 1)) {}

HostTensor weightsToCode(const Graph& graph, const Layer& layer, const Int8Plan& plan) {
  HostTensor weights = *graph.tensor(layer.inputs[1]).constant;
  const ChannelCodes read = plan.channelsOf(graph, layer.inputs[0]);
  if (read.factor.empty()) return weights;
  auto w = weights.as<float>();
  const InputChannels channelOf(layer, weights.shape);
  const std::int64_t rows = weights.shape[0], columns = weights.shape[1],
                     taps = weights.size() / (rows * columns);
  const std::int64_t step = columns > 1 ? channelOf(taps) - channelOf(0) : 0;  // from one column to the next
  float* at = w.data();
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* factor = &read.factor[channelOf(row * columns * taps)];
    for (std::int64_t column = 0; column < columns; ++column, factor += step, at += taps)
      for (std::int64_t tap = 0; tap < taps; ++tap) at[tap] *= *factor;
  }
  return weights;
}

CodedWeights weightCodesOf(const Graph& graph, const Layer& layer, const Int8Plan& plan) {
  const auto given = plan.weightScales.find(layer.name);
  const WeightAxis axis = weightAxis(layer);
  const HostTensor weights = weightsToCode(graph, layer, plan);
  CodedWeights coded = encodeWeights(weights, axis.axis, axis.groups,
                                     given == plan.weightScales.end() ? nullptr : &given->second);
  if (const auto steps = plan.weightSteps.find(layer.name); steps != plan.weightSteps.end()) {
    if (static_cast<std::int64_t>(steps->second.size()) != weights.size())
      throw Error(ErrorCode::BadCache, "layer '" + layer.name + "' has " + std::to_string(weights.size()) +
                                           " weights and the calibration steps of " +
                                           std::to_string(steps->second.size()));
    moveCodes(coded, steps->second);
    return coded;
  }
  if (!plan.roundsBySums || given != plan.weightScales.end()) return coded;
  if (const auto places = placesOf(graph, layer, weights.shape)) roundBySums(coded, weights, places);
  return coded;
}

std::vector<double> offsetsThrough(const Graph& graph, const Layer& layer, const Int8Plan& plan,
                                   const CodedWeights& weights) {
  const ChannelCodes read = plan.channelsOf(graph, layer.inputs[0]);
  std::vector<double> sums;
  if (!read.offset.empty()) {
    sums.resize(weights.scales.size(), 0.0);
    const auto codes = weights.codes.as<std::int8_t>();
    const InputChannels channelOf(layer, weights.codes.shape);
    const auto count = static_cast<std::int64_t>(codes.size()), perOutput = count / weights.codes.shape[0];
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t k = i / perOutput, c = channelOf(i);
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
