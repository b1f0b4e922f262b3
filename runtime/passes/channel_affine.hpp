/// \file
/// Recognises layers that scale and shift each channel, in whatever form a model writes them.
#pragma once

#include <optional>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// y[c] = x[c] * scale[c] + shift[c], channels along axis 1.
struct ChannelAffine {
  TensorId input = kNoTensor;
  std::vector<double> scale, shift;

  bool scales() const;  ///< some scale is not 1
  bool shifts() const;  ///< some shift is not 0
  /// This after `first`.
  ChannelAffine after(const ChannelAffine& first) const;
};

/// BatchNorm, Scale, Affine, Neg, and Add, Sub, Mul, Div with a constant that has one value or one per
/// channel.
std::optional<ChannelAffine> channelAffine(const Graph& graph, const Layer& layer);

}  // namespace tessera
