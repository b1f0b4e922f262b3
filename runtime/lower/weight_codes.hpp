/// \file
/// Weights as codes: one symmetric scale per output channel.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// A weight tensor in codes with the scale of each output channel.
struct CodedWeights {
  HostTensor codes;
  std::vector<float> scales;
};
/// `outputAxis`: axis of the output channels; `groups` > 1 with axis 1 numbers channels group by group
/// (deconvolution). `given`: scales to use instead of max/127.
CodedWeights encodeWeights(const HostTensor& weights, std::size_t outputAxis, std::int64_t groups,
                           const std::vector<float>* given = nullptr);

/// Moves every code by its step, -1, 0 or 1, but not beyond -127..127.
void moveCodes(CodedWeights& coded, std::span<const std::int8_t> steps);

/// Where a weight belongs: its output channel, and which of that channel's sums.
struct WeightPlace {
  std::int64_t output = 0, sum = 0;
};

/// Moves codes by one from the nearest where what is rounded off then cancels within the weights of a sum:
/// they multiply what is alike, neighbours in an image, so errors of one sign add up there. The exact
/// minimum, one weight at a time, of 3 sum(e^2) + 7 sum over sums(sum of e)^2, e the differences in codes: in
/// whole multiples of 2^-16, so that every machine finds the same codes. The objective is that of C. Guo et
/// al., "SQuant: On-the-Fly Data-Free Quantization via Diagonal Hessian Approximation", ICLR 2022.
void roundBySums(CodedWeights& coded, const HostTensor& weights,
                 const std::function<WeightPlace(std::int64_t weight)>& placeOf);

/// Scales, one per output channel, of which the weights are exact multiples by -`most`..`most`: those `given`
/// where they fit, else whatever fits. Nothing where a channel has none: its weights are floats, hold the
/// code -128, or have scales of another axis.
std::optional<std::vector<float>> scalesOfCodes(const HostTensor& weights, std::size_t outputAxis,
                                                std::int64_t groups, const std::vector<float>* given,
                                                float most = 127);

/// What the codes stand for: code * scale.
HostTensor weightsFromCodes(const CodedWeights& weights, std::size_t outputAxis, std::int64_t groups);

/// The codes of weights that are multiples of the scales, as f32, whatever their size is.
HostTensor weightsAsIntegers(const HostTensor& weights, std::size_t outputAxis, std::int64_t groups,
                             const std::vector<float>& scales);

/// The largest sum of absolute codes of one output channel.
double largestSumOfCodes(const HostTensor& weights, std::size_t outputAxis, std::int64_t groups,
                         const std::vector<float>& scales);

/// Axis of the output channels of a layer's weights, and its groups where that axis counts within a group.
struct WeightAxis {
  std::size_t axis = 0;
  std::int64_t groups = 1;
};
WeightAxis weightAxis(const Layer& layer);

}  // namespace tessera
