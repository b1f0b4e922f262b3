#include "tune/tuner.hpp"

#include <algorithm>

#include "tune/problem.hpp"

namespace tessera {

Tuner::Tuner(const Device& device, const DeviceCaps& caps, const TuneOptions& options,
             std::unique_ptr<CandidateRunner> runner)
    : options_(options),
      known_(caps, options_),
      budget_(caps, options_),
      trials_(device, known_, options_, std::move(runner)),
      networks_(known_, trials_, budget_, options_) {}

void Tuner::tune(const Graph& graph, double until) {
  if (searches(options_.mode)) networks_.search(graph, until);
}

std::vector<Tuner::Variant> Tuner::variants(const Graph& graph) const {
  std::vector<Variant> variants;
  if (!searches(options_.mode) || (trials_.tried() == 0 && known_.raceIsWon(graph))) return variants;
  const auto add = [&](const char* name, Found found) {
    const auto same = [&](const Variant& v) { return v.found.recipe == found.recipe; };
    if (std::ranges::none_of(variants, same)) variants.push_back({name, std::move(found)});
  };
  // What an earlier race found may be the fastest still. It goes first: the others must beat it.
  if (const Recipe* before = networks_.before(graph)) {
    Recipe kept = *before;
    kept.chainGroups = kChainUnknown;  // races are of steps; the winner may run in one launch then
    if (auto lowered = known_.lowerBy(graph, kept)) {
      const std::size_t steps = lowered->steps.size();
      add(kKept, {std::move(kept), *std::move(lowered), {steps, steps}});
    }
  }
  for (const auto& [name, layouts] : kLayoutChoices) add(name, known_.lowerAs(graph, layouts));
  return variants;
}

void Tuner::recordRecipe(const Graph& graph, const Recipe& recipe, double milliseconds) {
  known_.recordRecipe(graph, recipe, milliseconds);
}

std::vector<PrecisionDecision> Tuner::precisions(const Graph& optimized, const Network& rules,
                                                 const std::optional<Network>& half) {
  return PrecisionSearch(known_, trials_, budget_, networks_).decisions(optimized, rules, half);
}

void Tuner::recordPrecision(const Graph& rules, Precision rest, const PrecisionDecision& decision) {
  known_.recordPrecision(rules, rest, decision);
}

Found Tuner::reject(const Graph& graph, const Step* step, const std::string& reason) {
  if (step) {
    const Problem problem = step->family->problem(denseView(step->view));
    known_.add({step->family->id().text(), known_.sourceHash(*step->family, problem), problem.text(),
                known_.caps().fingerprint(), step->tactic.text(), 0, true, reason});
  }
  Found untuned = lowerUntuned(graph);
  known_.recordRecipe(graph, untuned.recipe, 0);
  return untuned;
}

void Tuner::savePrograms(const Lowered& lowered) {
  if (budget_.elapsed() > budget_.total()) return;  // they only save time later
  trials_.savePrograms(lowered, options_.folder.value_or(defaultCacheFolder()));
}

TuneReport Tuner::report(const TacticSources& sources) const {
  return {sources.problems,
          sources.planned,
          sources.exact,
          sources.stale,
          sources.defaults,
          sources.fallback,
          trials_.tried(),
          trials_.bad(),
          networks_.seconds(),
          check_,
          {}};
}

}  // namespace tessera
