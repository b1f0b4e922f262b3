/// \file
/// Layers that plugins compute.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "importers/caffe/layers.hpp"
#include "tessera/plugin.hpp"

namespace tessera::caffe {

/// Parameters of layers that plugins compute, by name and type of the layer.
using PluginParameters = std::map<std::pair<std::string, std::string>, Attributes>;

/// The parameter messages that plugins read: pixel_norm_param for the type PixelNorm.
std::set<std::string> pluginFields();

/// Of a prototxt that parseNet() accepts: for the type PixelNorm `pixel_norm_param { epsilon: 0.1 }`. Throws
/// Error(BadModel) with line and column where a parameter is unknown to the plugin or of another type.
PluginParameters pluginParameters(const std::string& text, const std::string& origin);

/// Adds the layer: its inputs are the bottoms, then the trained blobs. Throws Error(Unsupported) where it
/// does not suit.
std::vector<TensorId> importPlugin(const LayerContext& context, const Plugin& plugin,
                                   const Attributes& parameters);

}  // namespace tessera::caffe
