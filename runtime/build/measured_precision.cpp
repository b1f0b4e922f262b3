// Precision by measured cost: what was decided, or a race of networks.
#include "build/measured_precision.hpp"

#include <spdlog/logger.h>

#include <algorithm>

#include "build/race.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

std::ptrdiff_t int8Layers(const std::vector<LayerPrecision>& layers) {
  return std::count_if(layers.begin(), layers.end(),
                       [](const LayerPrecision& l) { return l.precision == Precision::Int8; });
}

}  // namespace

MeasuredPrecision buildByMeasuredPrecision(Tuner& tuner, TuneMode mode, const Int8Networks& networks,
                                           const BuildEngine& build) {
  const Network& rules = networks.byRules();
  auto known = tuner.known().recordedPrecision(rules.graph, networks.rest());
  if (known && !networks.knows(*known)) {
    log().warn("the record of precisions of '{}' names layers that it does not have, and is not used",
               networks.optimized().name);
    known.reset();
  }
  if (known) {
    const Network network = networks.decided(*known);
    return {build(network), network.precisions};
  }
  if (!searches(mode)) {
    log().warn(
        "precision by measurement: nothing was decided for '{}' on this device yet, and tuning is {}; its "
        "layers run in INT8 by the rules",
        networks.optimized().name, toString(mode));
    return {build(rules), rules.precisions};
  }
  auto decisions = tuner.precisions(networks.optimized(), rules, networks.half());
  std::vector<Network> decided;
  for (const PrecisionDecision& decision : decisions) {
    decided.push_back(networks.decided(decision));
    tuner.tune(decided.back().graph);  // all searches before the first race: they share one budget
  }
  std::vector<std::shared_ptr<Engine>> engines;
  for (const Network& network : decided) engines.push_back(build(network));
  const Race raced = race(engines, raceLimits(mode, tuner.raceSeconds()));
  PrecisionDecision& won = decisions[raced.winner];
  won.rulesMs = raced.milliseconds.front(), won.ms = raced.milliseconds[raced.winner];
  won.full = mode == TuneMode::Full;
  tuner.recordPrecision(rules.graph, networks.rest(), won);
  const Network network = networks.decided(won);  // with the reasons that the race gave
  log().info(
      "precision of '{}' by measurement: {} of {} layers in INT8, {:.3f} ms; {:.3f} ms with all of them",
      networks.optimized().name, int8Layers(network.precisions), int8Layers(rules.precisions), won.ms,
      won.rulesMs);
  return {engines[raced.winner], network.precisions};
}

}  // namespace tessera
