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
    const std::int64_t rows = weights.shape[0], columns = weights.shape[1], perGroup = rows / group;
    std::int64_t i = 0;
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t column = 0; column < columns; ++column) {
        const std::int64_t k = transposed ? row / perGroup * columns + column : row;
        const std::int64_t c = transposed ? row : row / perGroup * columns + column;
        const double mean =
            read.factor.empty() ? means->second[c] : means->second[c] / static_cast<double>(read.factor[c]);
        const auto scale = static_cast<double>(coded.scales[k]);
        for (std::int64_t tap = 0; tap < taps; ++tap, ++i)
          sums[k] += (static_cast<double>(w[i]) - static_cast<double>(codes[i]) * scale) * mean * share;
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
