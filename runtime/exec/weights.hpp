/// \file
/// Constants and packed weights of an engine on the device.
#pragma once

#include "exec/engine_impl.hpp"

namespace tessera {

/// Uploads the constants that the lowered network reads, and packs and uploads weights as its tactics want
/// them; equal bytes share one buffer. Packed weights of steps whose programs are the plan's come from the
/// plan. What `like` has is shared with it: null, or an engine of the same network on the same device.
void uploadWeights(Engine::Impl& engine, const Engine::Impl* like);

/// What all steps' packings make, for a plan.
std::vector<PlannedWeights> packedWeights(const Engine::Impl& engine);

}  // namespace tessera
