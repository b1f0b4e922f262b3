/// \file
/// Kernels of plugins against their references.
#pragma once

#include "exec/engine_impl.hpp"

namespace tessera {

/// Runs every step that a plugin computes alone, with the network's constants and inputs drawn from the
/// plugin's ranges, and compares. What was right once on a device is not asked again by this process. Throws
/// Error(DeviceError) that names layer, plugin and difference.
void verifyPlugins(const Engine::Impl& engine);

}  // namespace tessera
