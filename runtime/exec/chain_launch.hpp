/// \file
/// A network's chain (lower/chain.hpp) on a device: its program, its constants, and how many work-groups it
/// runs with.
#pragma once

#include <mutex>
#include <optional>

#include "cl/cl.hpp"
#include "lower/chain.hpp"
#include "tessera/engine.hpp"

namespace tessera {

/// What an engine that runs in one launch has for it.
struct ChainLaunch {
  Chain chain;
  cl::Buffer constants;
  std::size_t groups = 0;      ///< that run it
  std::size_t mostGroups = 0;  ///< that are on the device at the same time
  /// That are launched for each that runs it: a thread of PoCL's takes several at once, and who comes late
  /// finds nothing left to do.
  std::size_t launched = 1;
};

/// Builds the chain of an assembled engine, to be launched with `groups` work-groups. Throws
/// Error(Unsupported) with the reason where the network or the device can not, or the device does not have so
/// many groups at once.
void makeChain(Engine::Impl& engine, std::size_t groups);

/// The buffer that groups meet in: zeros, one a context.
cl::Buffer makeChainSync(const cl::Context& context, const Chain& chain);

/// Enqueues a chain. Groups of two chains must not wait for places that the other's hold, so chains on one
/// device follow each other, whatever queues they are put on.
void enqueueChain(const Device& device, const cl::CommandQueue& on, const cl::Kernel& kernel,
                  const ChainLaunch& launch);

}  // namespace tessera
