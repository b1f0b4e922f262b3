// Recognises layers that scale and shift each channel.
#include "passes/channel_affine.hpp"

#include <algorithm>
#include <cmath>

#include "ops/pointwise.hpp"
#include "passes/rewrite.hpp"

namespace tessera {
namespace {

using Values = std::vector<double>;

/// Constant input `slot` of exactly [C]; nothing for anything else.
std::optional<Values> perChannel(const Graph& graph, const Layer& layer, std::size_t slot,
                                 std::int64_t channels) {
  const HostTensor* value = constantValue(graph, inputAt(layer, slot));
  if (!value || value->type != DataType::Float32 || value->shape != Shape{channels}) return std::nullopt;
  const auto floats = value->as<float>();
  return Values(floats.begin(), floats.end());
}

std::optional<ChannelAffine> ofBatchNorm(const Graph& graph, const Layer& layer, std::int64_t channels) {
  const auto scale = perChannel(graph, layer, 1, channels), bias = perChannel(graph, layer, 2, channels);
  const auto mean = perChannel(graph, layer, 3, channels), variance = perChannel(graph, layer, 4, channels);
  if (!scale || !bias || !mean || !variance) return std::nullopt;
  ChannelAffine found{layer.inputs[0], *scale, *bias};
  const double epsilon = layer.attrs.number("epsilon", 1e-5);
  for (std::int64_t c = 0; c < channels; ++c) {
    found.scale[c] /= std::sqrt((*variance)[c] + epsilon);
    found.shift[c] -= (*mean)[c] * found.scale[c];
  }
  return found;
}

std::optional<ChannelAffine> ofScale(const Graph& graph, const Layer& layer, std::int64_t channels) {
  const auto scale = perChannel(graph, layer, 1, channels);
  if (layer.attrs.integer("axis", 1) != 1 || !scale) return std::nullopt;
  if (inputAt(layer, 2) == kNoTensor) return ChannelAffine{layer.inputs[0], *scale, Values(channels, 0)};
  const auto bias = perChannel(graph, layer, 2, channels);
  if (!bias) return std::nullopt;
  return ChannelAffine{layer.inputs[0], *scale, *bias};
}

std::optional<ChannelAffine> ofArithmetic(const Graph& graph, const Layer& layer) {
  const Shape& shape = graph.tensor(layer.outputs[0]).shape;
  const auto channels = static_cast<std::size_t>(shape[1]);
  for (std::size_t slot : {1u, 0u}) {
    const TensorId x = layer.inputs[1 - slot];
    if (graph.tensor(x).isConstant() || graph.tensor(x).shape != shape) continue;
    auto values = channelValues(graph, layer.inputs[slot], shape);
    if (!values) continue;
    if (layer.op == "Add") return ChannelAffine{x, Values(channels, 1), *values};
    if (layer.op == "Mul") return ChannelAffine{x, *values, Values(channels, 0)};
    if (layer.op == "Sub" && slot == 0) return ChannelAffine{x, Values(channels, -1), *values};
    if (layer.op == "Sub") {
      for (double& v : *values) v = -v;
      return ChannelAffine{x, Values(channels, 1), *values};
    }
    if (layer.op == "Div" && slot == 1 && std::find(values->begin(), values->end(), 0.0) == values->end()) {
      for (double& v : *values) v = 1 / v;
      return ChannelAffine{x, *values, Values(channels, 0)};
    }
  }
  return std::nullopt;
}

}  // namespace

bool ChannelAffine::scales() const {
  return std::any_of(scale.begin(), scale.end(), [](double s) { return s != 1; });
}
bool ChannelAffine::shifts() const {
  return std::any_of(shift.begin(), shift.end(), [](double s) { return s != 0; });
}

ChannelAffine ChannelAffine::after(const ChannelAffine& first) const {
  ChannelAffine both = first;
  for (std::size_t c = 0; c < scale.size(); ++c) {
    both.scale[c] = first.scale[c] * scale[c];
    both.shift[c] = first.shift[c] * scale[c] + shift[c];
  }
  return both;
}

std::optional<ChannelAffine> channelAffine(const Graph& graph, const Layer& layer) {
  if (layer.inputs.empty() || layer.outputs.size() != 1) return std::nullopt;
  const auto& output = graph.tensor(layer.outputs[0]);
  if (output.type != DataType::Float32 || output.shape.size() < 2) return std::nullopt;
  const auto channels = output.shape[1];
  if (channels > kMostChannels) return std::nullopt;
  if (layer.op == "BatchNorm") return ofBatchNorm(graph, layer, channels);
  if (layer.op == "Scale") return ofScale(graph, layer, channels);
  const auto uniform = [&](double scale, double shift) {
    return ChannelAffine{layer.inputs[0], Values(channels, scale), Values(channels, shift)};
  };
  if (layer.op == "Neg") return uniform(-1, 0);
  if (layer.op == "Affine") {
    const auto constants = pointwiseConstants(*findPointwise("Affine"), layer.attrs);
    return uniform(constants.alpha, constants.beta);
  }
  if (layer.inputs.size() == 2) return ofArithmetic(graph, layer);
  return std::nullopt;
}

}  // namespace tessera
