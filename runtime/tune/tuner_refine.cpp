// Kernels that take the place of others in a network that won its race: measured alone, they were not far
// behind.
#include <spdlog/logger.h>

#include <algorithm>

#include "tessera/log.hpp"
#include "tune/problem.hpp"
#include "tune/tuner.hpp"

namespace tessera {
namespace {

constexpr double kNear =
    1.6;  // times the time of what runs: launches in a loop hide what kernels themselves take
constexpr std::size_t kPerProblem = 4;  // swaps

}  // namespace

std::vector<Tuner::Swap> Tuner::swaps(const Graph& graph) {
  const TuneReport before = report_;
  const Lowered lowered = lower(graph);
  auto kept = keepable(graph, lowered);
  report_ = before;
  if (!kept) return {};
  before_[networkKey(graph)] = *std::move(kept);
  std::map<std::string, std::vector<const TuneRecord*>> records;  // good ones, by problem
  for (const TuneRecord& r : store_.records())
    if (!r.bad && r.milliseconds > 0 && r.device == caps_.fingerprint()) records[r.problem].push_back(&r);

  struct Place {
    std::string layer, family, tactic;
    OpView view;
    int count = 0;
  };
  std::map<std::string, Place> places;  // by name
  for (const Step& step : lowered.steps) {
    Place& place = places[stepName(*step.family, step.view)];
    if (place.count++ == 0)
      place = {step.layer, step.family->id().text(), step.tactic.text(), denseView(step.view), 1};
  }
  struct Ranked {
    Swap swap;
    double total = 0;  // milliseconds of the problem in the network
    double ms = 0;
  };
  std::vector<std::vector<Ranked>> problems;
  for (const auto& [name, place] : places) {
    std::vector<Ranked> ways;
    std::vector<std::string> names;
    double now = 0;
    for (const KernelFamily* family : familiesFor(place.view.op)) {
      if (!family->applies(place.view, caps_)) continue;
      const Problem problem = family->problem(place.view);
      const std::string to = stepName(*family, place.view);
      names.push_back(to);
      for (const TuneRecord* r : records[problem.text()]) {
        if (r->family != family->id().text() || r->source != sourceHash(*family, problem)) continue;
        if (r->family == place.family && r->tactic == place.tactic)
          now = r->milliseconds;
        else if (offers(*family, problem, Tactic::parse(r->tactic)))
          ways.push_back({{place.layer, {}, to, r->tactic}, 0, r->milliseconds});
      }
    }
    std::erase_if(ways, [&](const Ranked& way) { return now == 0 || way.ms > kNear * now; });
    std::stable_sort(ways.begin(), ways.end(), [](const Ranked& a, const Ranked& b) { return a.ms < b.ms; });
    ways.resize(std::min(ways.size(), kPerProblem));
    for (Ranked& way : ways) way.swap.instead = names, way.total = place.count * now;
    if (!ways.empty()) problems.push_back(std::move(ways));
  }
  // The costliest problems first; of each its best, then of each its second best.
  std::stable_sort(problems.begin(), problems.end(),
                   [](const auto& a, const auto& b) { return a.front().total > b.front().total; });
  std::vector<Swap> swaps;
  for (std::size_t rank = 0; rank < kPerProblem; ++rank)
    for (auto& problem : problems)
      if (rank < problem.size()) swaps.push_back(std::move(problem[rank].swap));
  return swaps;
}

Tuner::KeptNetwork Tuner::KeptNetwork::with(const Swap& swap) const {
  KeptNetwork changed = *this;
  for (const std::string& name : swap.instead) changed.tactics.erase(name);
  changed.tactics[swap.to] = swap.tactic;
  return changed;
}

std::optional<Lowered> Tuner::lowerWith(const Graph& graph, const Swap& swap) {
  const TuneReport before = report_;
  auto lowered = lowerFrom(graph, before_.at(networkKey(graph)).with(swap));
  report_ = before;
  return lowered;
}

void Tuner::accept(const Graph& graph, const Swap& swap, double milliseconds) {
  const auto lowered = lowerWith(graph, swap);
  if (!lowered)
    throw Error(ErrorCode::Internal, "a swap in " + swap.layer + " that can not be lowered was accepted");
  KeptNetwork& kept = before_.at(networkKey(graph));
  kept = keptFrom(*lowered, kept.layouts);
  log().debug("tuning: {} instead in {} makes '{}' faster: {:.3f} ms", swap.tactic, swap.layer, graph.name,
              milliseconds);
  recordWinner(graph, {kKept, {}, report_}, milliseconds);
}

}  // namespace tessera
