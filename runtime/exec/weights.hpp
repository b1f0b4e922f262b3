/// \file
/// Constants and packed weights of an engine on the device.
#pragma once

#include "exec/engine_impl.hpp"

namespace tessera {

/// Uploads the constants that the lowered network reads, and packs and uploads weights as its tactics want
/// them; equal bytes share one buffer. What `like` has is shared with it: null, or an
/// engine of the same network on the same device.
void uploadWeights(Engine::Impl& engine, const Engine::Impl* like);

}  // namespace tessera
