// Runs the passes of passes.def and verifies the graph after each.
#include <algorithm>

#include "tessera/log.hpp"
#include "tessera/passes.hpp"

namespace tessera {

#define TESSERA_PASS(stem, name, purpose) bool pass_##stem(Graph&);
#include "passes/passes.def"
#undef TESSERA_PASS

const std::vector<Pass>& allPasses() {
  static const std::vector<Pass> passes = {
#define TESSERA_PASS(stem, name, purpose) {name, purpose, pass_##stem},
#include "passes/passes.def"
#undef TESSERA_PASS
  };
  return passes;
}

void optimize(Graph& graph, const PassOptions& options) {
  for (const auto& name : options.disabled)
    if (std::none_of(allPasses().begin(), allPasses().end(),
                     [&](const Pass& pass) { return pass.name == name; }))
      throw Error(ErrorCode::InvalidArgument, "there is no pass named '" + name + "' to disable");
  // One pass may open the way for another; graphs shrink, so this ends. The bound guards against passes that
  // disagree.
  bool changed = true;
  for (int round = 0; changed && round < 8; ++round) {
    changed = false;
    for (const Pass& pass : allPasses()) {
      if (options.disabled.count(std::string(pass.name))) continue;
      if (!pass.run(graph)) continue;
      changed = true;
      graph.verify();
      log().debug("pass {} left {} layers", pass.name, graph.layers().size());
    }
  }
  graph.compact();
}

}  // namespace tessera
