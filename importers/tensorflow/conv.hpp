/// \file
/// Convolutions of TensorFlow's formats.
#pragma once

#include "importers/tensorflow/window.hpp"

namespace tessera::tensorflow {

/// A convolution of an image [N, C, spatial] with weights [K, C / group, kernel..] and a bias (or kNoTensor):
/// the node's layer.
TensorId convolution(Node& node, TensorId image, TensorId weights, TensorId bias);
/// Weights of a depthwise convolution, [kernel.., C, multiplier] in the model's order, as [C * multiplier, 1,
/// kernel..].
TensorId depthwiseWeights(Node& node, TensorId weights);
/// A transposed convolution of an image into one of extents `result`, both [N, C, spatial]; weights [C, K,
/// kernel..].
TensorId deconvolution(Node& node, TensorId image, TensorId weights, TensorId bias, const Shape& result);
/// A Transpose of weights.
TensorId turned(Node& node, TensorId weights, const std::vector<std::int64_t>& perm);

}  // namespace tessera::tensorflow
