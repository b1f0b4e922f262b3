// Whether a network runs in one launch: built, compared with the launches of its steps bit by bit, and raced.
#include <spdlog/fmt/fmt.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "build/engine_builder.hpp"
#include "build/race.hpp"
#include "exec/random_inputs.hpp"
#include "exec/step_trace.hpp"
#include "lower/recipe.hpp"
#include "tessera/context.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

constexpr RaceLimits kLimits{1.5, 5, 200, 0.98};
// What a launch costs a CPU at most, threads that wake late included (20 to 30 us measured), by the share of
// the time that is to be won: where steps take longer one launch is not worth compiling.
constexpr double kMostOfLaunch = 0.03 / 0.02;

double millisecondsOf(Context& context) {
  const auto begin = std::chrono::steady_clock::now();
  context.execute();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() * 1e3;
}

// Empty where launches may be a share of the time that is worth the compiling.
std::string whyLittleToGain(Context& steps) {
  double least = millisecondsOf(steps);
  for (int i = 0; i < 2; ++i) least = std::min(least, millisecondsOf(steps));
  const std::size_t launches = steps.engine().launches();
  if (least <= kMostOfLaunch * static_cast<double>(launches)) return {};
  return fmt::format("its {} launches are little of {:.3g} ms", launches, least);
}

// The steps of an engine that runs in one launch, each by a launch of its own.
TensorMap runBySteps(Context& one, const TensorMap& inputs) {
  for (const auto& [name, value] : inputs) one.upload(name, value);
  StepTrace::launches(one);
  TensorMap outputs;
  for (const Binding& b : one.engine().bindings())
    if (!b.isInput) outputs[b.name] = one.download(b.name);
  return outputs;
}

// Empty where the one launch computes the bits of its steps, twice: what a run leaves behind must not matter
// to the next.
std::string difference(const Engine& engine, Context& one) {
  for (const std::uint32_t seed : {0, 1}) {
    const TensorMap inputs = randomInputs(engine, seed);
    const TensorMap expected = runBySteps(one, inputs), found = one.run(inputs);
    for (const auto& [name, value] : expected) {
      const HostTensor& other = found.at(name);
      if (other == value) continue;
      double most = 0;
      std::int64_t count = 0;
      for (std::int64_t i = 0; i < value.size(); ++i) {
        const double off = std::abs(value.number(i) - other.number(i));
        most = std::max(most, off), count += off != 0;
      }
      return fmt::format("{} of {} numbers of output '{}' differ, by up to {:.3g}", count, value.size(), name,
                         most);
    }
  }
  return {};
}

struct Won {
  std::size_t contestant = 0;  ///< 0: steps
  double milliseconds = 0;
};

// Contestants: steps, then one launch with one group a unit, two.. `forced`: one of the latter wins. The
// launch has its groups then.
Won raceLaunches(Context& steps, Context& chained, ChainLaunch& launch, bool forced) {
  const Engine& engine = steps.engine();
  const std::size_t units =
      std::min<std::size_t>(static_cast<std::size_t>(engine.device().caps().computeUnits), launch.mostGroups);
  const Race race = tessera::race(
      1 + launch.mostGroups / units,
      [&](std::size_t i) {
        launch.groups = units * std::max<std::size_t>(i, 1);
        return millisecondsOf(i == 0 ? steps : chained);
      },
      kLimits);
  const auto best = std::min_element(race.milliseconds.begin() + 1, race.milliseconds.end());
  std::size_t winner = race.winner;
  if (forced && winner == 0) winner = static_cast<std::size_t>(best - race.milliseconds.begin());
  log().info("'{}' in {} launches takes {:.3f} ms, in one of {} phases {:.3f} ms", engine.name(),
             engine.launches(), race.milliseconds[0], launch.chain.phases.size(), *best);
  launch.groups = units * std::max<std::size_t>(winner, 1);
  return {winner, race.milliseconds[winner]};
}

// Where the time of one launch goes, for whoever looks into it.
void logPhases(Context& chained, const Chain& chain) {
  if (!log().should_log(spdlog::level::debug)) return;
  chained.execute();
  const auto clocks = StepTrace::phaseClocks(chained);
  for (std::size_t i = 0; i < chain.phases.size(); ++i)
    log().debug("phase {}: {} cycles: {}", i, clocks[i + 1] - clocks[i], chain.phases[i]);
}

}  // namespace

Lowered EngineBuilder::loweredForChain(const Network& network, const Lowered& steps) const {
  if (caps_.nvidia) {
    Lowered lowered = lowerGraph(network.graph, caps_, chainRecipe(network.graph, caps_));
    if (!tuner_->known().limit().firstAbove(lowered)) return lowered;
  }
  return lowerGraph(network.graph, caps_, recipeOf(steps));
}

std::shared_ptr<Engine> EngineBuilder::inOneLaunch(const Network& network, std::shared_ptr<Engine> engine) {
  const bool forced = options_.launches == Launches::One;
  int& decided = engine->impl_->lowered.chainGroups;
  if (engine->impl().chain || options_.launches == Launches::Steps) return engine;
  // In the background PoCL's compiler would take a core from who runs meanwhile, for much longer than a
  // search.
  const bool measures = searches(options_.tuning.mode) && decided == kChainUnknown && canChain(caps_) &&
                        !(stop_ && caps_.isCpu());
  if (!forced && !measures) return engine;
  const auto stays = [&](spdlog::level::level_enum level, const std::string& why) {
    log().log(level, "'{}' does not run in one launch: {}", name_, why);
    decided = 0;
    tuner_->recordRecipe(network.graph, recipeOf(engine->impl().lowered), 0);
    return engine;
  };
  Context steps(engine);
  if (!forced && caps_.isCpu())
    if (const std::string why = whyLittleToGain(steps); !why.empty()) return stays(spdlog::level::info, why);
  std::shared_ptr<Engine> one;
  try {
    Lowered lowered = loweredForChain(network, engine->impl().lowered);
    lowered.chainGroups = caps_.nvidia ? caps_.computeUnits : 1;
    one = assemble(network, std::move(lowered), engine.get(), true);
  } catch (const Error& e) {
    if (forced || e.code() != ErrorCode::Unsupported) throw;
    return stays(spdlog::level::info, e.what());
  }
  ChainLaunch& launch = *one->impl_->chain;
  if (launch.chain.shares) launch.groups = launch.mostGroups;  // compared as it is to run
  Context chained(one);
  if (const std::string wrong = difference(*engine, chained); !wrong.empty()) {
    if (forced)
      throw Error(ErrorCode::Internal, "'" + name_ + "' computes something else in one launch: " + wrong);
    return stays(spdlog::level::warn, "it computes something else there: " + wrong);
  }
  const auto [winner, milliseconds] = raceLaunches(steps, chained, launch, forced);
  logPhases(chained, launch.chain);
  one->impl_->lowered.chainGroups = static_cast<int>(launch.groups);
  decided = 0;
  std::shared_ptr<Engine> kept = winner == 0 ? engine : one;
  kept->impl_->tuning = engine->impl().tuning;
  if (measures) tuner_->recordRecipe(network.graph, recipeOf(kept->impl().lowered), milliseconds);
  return kept;
}

}  // namespace tessera
