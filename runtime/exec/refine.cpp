#include "exec/refine.hpp"

#include <spdlog/logger.h>

#include "exec/race.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

// A quarter of a second shows differences of a percent on a GPU; CPUs take ten runs of each.
constexpr RaceLimits kDuel{0.25, 5, 100, 0.99};

}  // namespace

std::shared_ptr<Engine> refine(
    Tuner& tuner, const Graph& graph, std::shared_ptr<Engine> fastest,
    const std::function<std::shared_ptr<Engine>(Lowered lowered, const Engine& like)>& assemble) {
  if (tuner.refineSeconds() <= 0) return fastest;
  std::size_t tried = 0, taken = 0;
  for (const Tuner::Swap& swap : tuner.swaps(graph)) {
    if (tuner.refineSeconds() <= 0) break;
    auto lowered = tuner.lowerWith(graph, swap);
    if (!lowered) continue;
    auto challenger = assemble(*std::move(lowered), *fastest);
    ++tried;
    const Race duel = race({fastest, challenger}, kDuel);
    if (duel.winner == 0) continue;
    ++taken;
    fastest = std::move(challenger);
    tuner.accept(graph, swap, duel.milliseconds[1]);
  }
  if (tried > 0)
    log().info("of {} kernels in the place of others, {} make '{}' faster", tried, taken, graph.name);
  return fastest;
}

}  // namespace tessera
