#include "tune/search/swaps.hpp"

#include <algorithm>
#include <map>

#include "tune/problem.hpp"

namespace tessera {
namespace {

constexpr double kNear =
    1.6;  // times the time of what runs: launches in a loop hide what kernels themselves take
constexpr std::size_t kPerProblem = 4;  // swaps

// Steps that run the same kernel on the same problem.
struct Place {
  std::string layer, family, tactic;
  OpView view;
  std::vector<std::size_t> steps;
};

std::vector<Place> placesOf(const LookUp& known, const Lowered& lowered) {
  std::vector<Place> places;
  std::map<std::string, std::size_t> byName;
  for (std::size_t i = 0; i < lowered.steps.size(); ++i) {
    const Step& step = lowered.steps[i];
    const auto [at, fresh] = byName.emplace(known.stepName(*step.family, step.view), places.size());
    if (fresh)
      places.push_back({step.layer, step.family->id().text(), step.tactic.text(), denseView(step.view), {}});
    places[at->second].steps.push_back(i);
  }
  return places;
}

struct Rivals {
  std::vector<std::pair<double, Swap>> swaps;  // with their milliseconds, the fastest first
  double total = 0;                            // milliseconds of the place's problem in the network
};

// What else was measured on a place's problem and was not far behind.
Rivals rivalsOf(const LookUp& known, const Place& place) {
  Rivals rivals;
  double now = 0;
  for (const KernelFamily* family : familiesFor(place.view)) {
    if (!family->applies(place.view, known.caps())) continue;
    const Problem problem = family->problem(place.view);
    const std::uint64_t source = known.sourceHash(*family, problem);
    for (const TacticRecord* r : known.store().good(problem.text(), family->id().text(), source)) {
      const Tactic tactic = Tactic::parse(r->tactic);
      if (r->family == place.family && r->tactic == place.tactic)
        now = r->milliseconds;
      else if (offers(*family, problem, tactic, known.caps()) &&
               known.limit().allows(*family, problem, tactic, known.caps()))
        rivals.swaps.push_back({r->milliseconds, {place.layer, place.steps, r->family, tactic}});
    }
  }
  std::erase_if(rivals.swaps, [&](const auto& rival) { return now == 0 || rival.first > kNear * now; });
  std::ranges::stable_sort(rivals.swaps, {}, [](const auto& rival) { return rival.first; });
  rivals.swaps.resize(std::min(rivals.swaps.size(), kPerProblem));
  rivals.total = static_cast<double>(place.steps.size()) * now;
  return rivals;
}

}  // namespace

Recipe Swap::in(Recipe recipe) const {
  for (const std::size_t step : steps)
    recipe.steps.at(step).family = family, recipe.steps.at(step).tactic = tactic;
  return recipe;
}

std::vector<Swap> swapsFor(const LookUp& known, const Found& network) {
  std::vector<Rivals> problems;
  for (const Place& place : placesOf(known, network.lowered))
    if (Rivals rivals = rivalsOf(known, place); !rivals.swaps.empty()) problems.push_back(std::move(rivals));
  // The costliest problems first; of each its best, then of each its second best.
  std::ranges::stable_sort(problems, std::ranges::greater(), &Rivals::total);
  std::vector<Swap> swaps;
  for (std::size_t rank = 0; rank < kPerProblem; ++rank)
    for (Rivals& problem : problems)
      if (rank < problem.swaps.size()) swaps.push_back(std::move(problem.swaps[rank].second));
  return swaps;
}

}  // namespace tessera
