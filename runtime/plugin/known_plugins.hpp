/// \file
/// The plugins of the process.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tessera/plugin.hpp"

namespace tessera {

class ManifestPlugin;

/// The plugin of that name, null where there is none.
std::shared_ptr<const Plugin> findPlugin(std::string_view name);

/// The file that it is of, or what stands for one; empty where there is no plugin of that name.
std::string pluginOrigin(std::string_view name);

/// The same as a manifest's, null where it is none: what may travel.
std::shared_ptr<const ManifestPlugin> findPortablePlugin(std::string_view name);

}  // namespace tessera
