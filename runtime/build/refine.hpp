/// \file
/// A tuned network made faster kernel by kernel, as a whole.
#pragma once

#include <functional>
#include <memory>

#include "tessera/engine.hpp"
#include "tune/tuner.hpp"

namespace tessera {

using AssembleLike = std::function<std::shared_ptr<Engine>(Lowered lowered, const Engine& like)>;

/// Kernels timed alone in a loop do not show what launches and caches do to them in a network. So, as long as
/// the budget lasts, those that were not far behind take the place of what runs, one problem at a time, and
/// stay where the whole network is faster by that. `network`: what `fastest` runs; `assemble` makes an engine
/// like another. Returns the fastest.
std::shared_ptr<Engine> refine(Tuner& tuner, const Graph& graph, const Found& network,
                               std::shared_ptr<Engine> fastest, const AssembleLike& assemble);

}  // namespace tessera
