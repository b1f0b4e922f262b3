/// \file
/// Layers that load data: they become inputs of the graph.
#pragma once

#include <string>

#include "importers/caffe/read.hpp"

namespace tessera::caffe {

/// Whether layers of this type load data (a Python layer without inputs counts as one).
bool isData(const std::string& type);

/// The shape of a data layer's top, as far as its parameters give one: no extents where they do not.
/// `channels` is what the layers that read it need, 0 where that is not known.
Shape dataShape(const LayerParameter& layer, int top, std::int64_t channels);

/// Channels of the blob `name` by the weights of the first convolution that reads it, 0 where there is none.
std::int64_t channelsByWeights(const std::vector<LayerParameter>& layers, const Weights& weights,
                               const std::string& name);

}  // namespace tessera::caffe
