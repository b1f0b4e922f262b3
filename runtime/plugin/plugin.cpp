// What plugins need not say. Compiled into libraries of plugins, too: nothing here may need the rest of
// Tessera.
#include "tessera/plugin.hpp"

namespace tessera {

std::string Plugin::whyNot(const PluginLayer&, const PluginTactic&, const DeviceCaps&) const { return {}; }

double Plugin::operations(const PluginLayer& layer) const {
  double operations = 0;
  for (const TensorDesc& output : layer.outputs) operations += static_cast<double>(output.size());
  return operations;
}

}  // namespace tessera
