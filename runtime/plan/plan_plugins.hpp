/// \file
/// Plugins in plans.
#pragma once

#include "plan/plan.pb.h"
#include "tessera/graph.hpp"

namespace tessera {

/// Those that layers of the graph need, by name: manifests with their kernels, others by name and version.
void putPlugins(tessera_plan::Network& network, const Graph& graph);

/// Makes those that travel known to the process. Throws Error(BadCache) with the reason: one that does not
/// travel is not known, or is in another version; another of that name is in use; a manifest is wrong or too
/// large.
void takePlugins(const tessera_plan::Network& network);

}  // namespace tessera
