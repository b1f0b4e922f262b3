// Kernels that take the place of others in a network that won its race: measured alone, they were not far
// behind.
#include <algorithm>
#include <map>

#include "tune/problem.hpp"
#include "tune/tuner.hpp"

namespace tessera {
namespace {

constexpr double kNear =
    1.6;  // times the time of what runs: launches in a loop hide what kernels themselves take
constexpr std::size_t kPerProblem = 4;  // swaps

}  // namespace

Recipe Tuner::Swap::in(Recipe recipe) const {
  for (const std::size_t step : steps)
    recipe.steps.at(step).family = family, recipe.steps.at(step).tactic = tactic;
  return recipe;
}

// Steps that run the same kernel on the same problem.
struct Tuner::Place {
  std::string layer, family, tactic;
  OpView view;
  std::vector<std::size_t> steps;
};

std::vector<Tuner::Place> Tuner::placesOf(const Lowered& lowered) const {
  std::vector<Place> places;
  std::map<std::string, std::size_t> known;  // by name
  for (std::size_t i = 0; i < lowered.steps.size(); ++i) {
    const Step& step = lowered.steps[i];
    const auto [at, fresh] = known.emplace(stepName(*step.family, step.view), places.size());
    if (fresh)
      places.push_back({step.layer, step.family->id().text(), step.tactic.text(), denseView(step.view), {}});
    places[at->second].steps.push_back(i);
  }
  return places;
}

// What else was measured on a place's problem and was not far behind, the fastest first; and the time of what
// runs there.
std::pair<std::vector<std::pair<double, Tuner::Swap>>, double> Tuner::rivalsOf(const Place& place) const {
  std::vector<std::pair<double, Swap>> rivals;
  double now = 0;
  for (const KernelFamily* family : familiesFor(place.view.op)) {
    if (!family->applies(place.view, caps_)) continue;
    const Problem problem = family->problem(place.view);
    for (const TuneRecord* r :
         store_.good(problem.text(), family->id().text(), sourceHash(*family, problem))) {
      const Tactic tactic = Tactic::parse(r->tactic);
      if (r->family == place.family && r->tactic == place.tactic)
        now = r->milliseconds;
      else if (offers(*family, problem, tactic, caps_))
        rivals.push_back({r->milliseconds, {place.layer, place.steps, r->family, tactic}});
    }
  }
  std::erase_if(rivals, [&](const auto& rival) { return now == 0 || rival.first > kNear * now; });
  std::ranges::stable_sort(rivals, {}, [](const auto& rival) { return rival.first; });
  rivals.resize(std::min(rivals.size(), kPerProblem));
  return {std::move(rivals), now};
}

std::vector<Tuner::Swap> Tuner::swaps(const Found& network) const {
  struct Rivals {
    double total = 0;  // milliseconds of the problem in the network
    std::vector<std::pair<double, Swap>> swaps;
  };
  std::vector<Rivals> problems;
  for (const Place& place : placesOf(network.lowered)) {
    auto [rivals, now] = rivalsOf(place);
    if (!rivals.empty())
      problems.push_back({static_cast<double>(place.steps.size()) * now, std::move(rivals)});
  }
  // The costliest problems first; of each its best, then of each its second best.
  std::ranges::stable_sort(problems, std::ranges::greater(), &Rivals::total);
  std::vector<Swap> swaps;
  for (std::size_t rank = 0; rank < kPerProblem; ++rank)
    for (Rivals& problem : problems)
      if (rank < problem.swaps.size()) swaps.push_back(std::move(problem.swaps[rank].second));
  return swaps;
}

}  // namespace tessera
