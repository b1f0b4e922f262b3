// Corrections of biases for the mean error that coding the weights makes.
#include <algorithm>
#include <cmath>

#include "calib/auto_calibration.hpp"
#include "ops/operator.hpp"

namespace tessera {

std::map<std::string, std::vector<float>> biasCorrections(
    const Graph& graph, const Int8Plan& plan,
    const std::map<std::string, std::vector<double>>& channelMeans) {
  std::map<std::string, std::vector<float>> corrections;
  for (const Layer& layer : graph.layers()) {
    if (int8Role(graph, layer) != Int8Role::Compute) continue;
    const OperatorTraits traits = traitsOf(layer.op);
    if (!traits.window) continue;
    const auto means = channelMeans.find(graph.tensor(layer.inputs[0]).name);
    if (means == channelMeans.end()) continue;
    const bool transposed = traits.transposed();
    const TensorId x = layer.inputs[0];
    const HostTensor weights = weightsToCode(graph, layer, plan);
    const ChannelCodes read = plan.channelsOf(graph, x);  // what the weights took up, the means lose
    const std::int64_t group = layer.attrs.integer("group", 1);
    const CodedWeights coded = weightCodesOf(graph, layer, plan);
    const auto codes = coded.codes.as<std::int8_t>();
    const auto w = weights.as<float>();
    const std::int64_t taps = weights.size() / (weights.shape[0] * weights.shape[1]);
    // An output pixel of a deconvolution sees only the taps of its phase.
    double share = 1;
    if (transposed)
      for (const auto stride : layer.attrs.integers("strides")) share /= static_cast<double>(stride);
    std::vector<double> sums(coded.scales.size(), 0);
    for (std::int64_t i = 0; i < weights.size(); ++i) {
      const std::int64_t first = i / taps / weights.shape[1], second = i / taps % weights.shape[1];
      const std::int64_t perGroupIn = transposed ? weights.shape[0] / group : weights.shape[1];
      const std::int64_t k = transposed ? first / perGroupIn * weights.shape[1] + second : first;
      const std::int64_t c = transposed ? first : first / (weights.shape[0] / group) * perGroupIn + second;
      sums[k] +=
          (static_cast<double>(w[i]) - static_cast<double>(codes[i]) * static_cast<double>(coded.scales[k])) *
          (read.factor.empty() ? means->second[c] : means->second[c] / static_cast<double>(read.factor[c])) *
          share;
    }
    std::vector<float> correction;
    for (const double sum : sums) correction.push_back(static_cast<float>(sum));
    // Means of very large values overflow on the device; such a layer goes without.
    if (std::all_of(correction.begin(), correction.end(), [](float c) { return std::isfinite(c); }))
      corrections[layer.name] = std::move(correction);
  }
  return corrections;
}

}  // namespace tessera
