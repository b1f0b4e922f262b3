/// \file
/// Graph passes: each rewrites the graph without changing what it computes.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// Which passes run.
struct PassOptions {
  std::set<std::string> disabled;  ///< names of passes to leave out; unknown names are an error
};

/// One rewrite. Returns true where it changed the graph. Knows no OpenCL.
struct Pass {
  std::string_view name;     ///< e.g. "fold-batch-norm"
  std::string_view purpose;  ///< one line for listings
  bool (*run)(Graph&);       ///< the rewrite
};

/// All passes in the order they run (runtime/passes/passes.def).
const std::vector<Pass>& allPasses();

/// Runs all passes that are not disabled; the graph is verified after each.
void optimize(Graph& graph, const PassOptions& options = {});

}  // namespace tessera
