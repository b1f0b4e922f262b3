/// \file
/// Nodes that plugins compute.
#pragma once

#include "importers/tensorflow/node.hpp"
#include "tessera/plugin.hpp"

namespace tessera::tensorflow {

/// Adds the node's layer; operands lie in the model's own order, mostly N, H, W, C. Throws Error(Unsupported)
/// with the reason where operands or attributes do not suit.
void importPlugin(Node& node, const Plugin& plugin);

}  // namespace tessera::tensorflow
