/// \file
/// Plugins in shared libraries.
#pragma once

#include "tessera/plugin.hpp"

namespace tessera {

/// What the library gives; it stays loaded. Throws Error(InvalidArgument) that names the file and the reason:
/// it can not be loaded, is none of plugins, was compiled for another interface, or gives nothing.
PluginList pluginsOfLibrary(const std::filesystem::path& file);

}  // namespace tessera
