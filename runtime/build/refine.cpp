#include "build/refine.hpp"

#include <spdlog/logger.h>

#include "build/race.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

// A quarter of a second shows differences of a percent on a GPU; CPUs take ten runs of each.
constexpr RaceLimits kDuel{0.25, 5, 100, 0.99};

}  // namespace

std::shared_ptr<Engine> refine(Tuner& tuner, const Graph& graph, const Found& network,
                               std::shared_ptr<Engine> fastest, const AssembleLike& assemble) {
  if (tuner.refineSeconds() <= 0) return fastest;
  Recipe recipe = network.recipe;
  std::size_t tried = 0, taken = 0;
  for (const Swap& swap : swapsFor(tuner.known(), network)) {
    if (tuner.refineSeconds() <= 0) break;
    Recipe changed = swap.in(recipe);
    auto lowered = tuner.known().lowerBy(graph, changed);
    if (!lowered) continue;
    auto challenger = assemble(*std::move(lowered), *fastest);
    ++tried;
    const Race duel = race({fastest, challenger}, kDuel);
    if (duel.winner == 0) continue;
    ++taken;
    log().debug("tuning: {} {} in {} makes '{}' faster: {:.3f} ms", swap.family, swap.tactic.text(),
                swap.layer, graph.name, duel.milliseconds[1]);
    fastest = std::move(challenger);
    recipe = std::move(changed);
    tuner.recordRecipe(graph, recipe, duel.milliseconds[1]);
  }
  if (tried > 0)
    log().info("of {} kernels in the place of others, {} make '{}' faster", tried, taken, graph.name);
  return fastest;
}

}  // namespace tessera
