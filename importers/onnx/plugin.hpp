/// \file
/// Nodes that plugins compute.
#pragma once

#include "importers/onnx/node.hpp"
#include "tessera/plugin.hpp"

namespace tessera::onnx {

/// Null where no plugin serves the node.
std::shared_ptr<const Plugin> pluginFor(const tessera_onnx::Node& node);

/// Adds the node's layer. Throws Error(Unsupported) with the reason where its operands or attributes do not
/// suit.
void importPlugin(Node& node, const tessera_onnx::Node& proto, const Plugin& plugin);

}  // namespace tessera::onnx
