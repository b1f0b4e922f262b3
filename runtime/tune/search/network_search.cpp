#include "tune/search/network_search.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <cmath>

#include "tessera/log.hpp"
#include "tune/problem.hpp"

namespace tessera {
namespace {

constexpr double kHopeless = 10;        // times the model's estimate of the best way: not even measured,
constexpr double kHopelessFast = 3;     // nor in Fast on CPUs, where most of the time goes into compiling
constexpr double kOptionsShare = 0.7;   // of a search, at most, for comparing families and layouts
constexpr double kWorthwhile = 0.003;   // share of the network's time below which Fast searches no tactics
constexpr std::size_t kMostAhead = 32;  // candidates compiled at once

std::string keyOf(const KernelFamily& family, const OpView& view) {
  return family.id().text() + " " + view.text();
}

}  // namespace

void NetworkSearch::search(const Graph& graph, double until) {
  if (marks_.nothingOpen(graph)) return;
  budget_.beginSearch(until);
  std::vector<Job> jobs = jobsOf(graph, known_.caps());
  const auto open =
      std::stable_partition(jobs.begin(), jobs.end(), [&](const Job& job) { return marks_.searched(job); });
  std::vector<Job> closed(std::make_move_iterator(jobs.begin()), std::make_move_iterator(open));
  jobs.erase(jobs.begin(), open);
  if (!jobs.empty()) {
    rememberBefore(graph);
    searchJobs(graph, jobs);
    for (const Job& job : jobs) marks_.markSearched(job);
    seconds_ += budget_.elapsed() - budget_.searchBegan();
    log().info("tuned {} problems in {:.1f} s: {} candidates, {} rejected, {:.3f} ms -> {:.3f} ms",
               jobs.size(), budget_.elapsed() - budget_.searchBegan(), trials_.tried(), trials_.bad(),
               untunedMs_, bestMs_);
  }
  tell("", 1);
  jobs.insert(jobs.end(), std::make_move_iterator(closed.begin()), std::make_move_iterator(closed.end()));
  marks_.noteNothingOpen(graph, jobs);
}

// What Full finds must beat the network as it runs now.
void NetworkSearch::rememberBefore(const Graph& graph) {
  if (options_.mode != TuneMode::Full) return;
  if (const auto won = known_.foundOnRecord(graph); won && won->sources.stale == 0)
    before_[networkKey(graph)] = won->recipe;
}

const Recipe* NetworkSearch::before(const Graph& graph) const {
  const auto found = before_.find(networkKey(graph));
  return found == before_.end() ? nullptr : &found->second;
}

void NetworkSearch::tell(const std::string& layer, double fraction) {
  if (options_.progress)
    options_.progress({layer, budget_.elapsed(), budget_.searchSeconds(), budget_.whole(fraction),
                       trials_.tried(), untunedMs_, bestMs_});
}

double NetworkSearch::millisecondsOf(const Way& way) const {
  const auto measured = known_.seconds(*way.family, way.view);
  return (measured && !std::isinf(*measured) ? *measured : way.cost.estimate) * 1e3;
}

void NetworkSearch::updateTimes(const std::vector<Job>& jobs) {
  untunedMs_ = bestMs_ = 0;
  for (const Job& job : jobs) {
    const double untuned = millisecondsOf(job.untuned);
    double best = untuned;
    for (const Way& way : job.options)
      if (const auto s = known_.seconds(*way.family, way.view)) best = std::min(best, *s * 1e3);
    untunedMs_ += job.count * untuned;
    bestMs_ += job.count * best;
  }
}

// What runs untuned beside the families for its layouts, for every problem; then the other layouts: the first
// cost no reformats, and the time may not suffice for more.
std::vector<NetworkSearch::Comparison> NetworkSearch::comparisonsOf(std::vector<Job>& jobs) const {
  // Libraries compile for seconds on CPUs, where they seldom win: Full has the time to see.
  const bool libraries = !known_.caps().isCpu() || options_.mode == TuneMode::Full;
  const double hopeless = libraries ? kHopeless : kHopelessFast;
  std::vector<Comparison> comparisons;
  for (const bool untunedLayouts : {true, false})
    for (Job& job : jobs) {
      Comparison comparison{&job, {job.untuned}};
      const double least = job.options.empty() ? 0 : job.options.front().cost.estimate;
      for (const Way& way : job.options) {
        if (sameBlocks(way.view, job.untuned.view) != untunedLayouts) continue;
        if (way.family == job.untuned.family && way.view.text() == job.untuned.view.text()) continue;
        if (way.cost.estimate <= hopeless * least && (libraries || !way.family->usesLibrary()))
          comparison.ways.push_back(way);
      }
      comparisons.push_back(std::move(comparison));
    }
  return comparisons;
}

// Compiles what comes next all at once; a little at first, since it is in vain where the time is over before
// it runs.
void NetworkSearch::measure(const std::vector<Comparison>& comparisons, double share,
                            std::pair<double, double> fractions, const std::function<void()>& after) {
  std::size_t ahead = 4, compiled = 0;
  double each = 0;  // seconds that one took to compile
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    if (budget_.over(share)) {
      comparisons[i].job->cut = true;
      continue;
    }
    const double part = static_cast<double>(i) / static_cast<double>(comparisons.size());
    tell(comparisons[i].job->layer, fractions.first + part * (fractions.second - fractions.first));
    if (i == compiled) {
      if (each > 0)  // no more than the time left can compile
        ahead = std::clamp(static_cast<std::size_t>(std::max(budget_.left(share) / each, 1.0)),
                           std::size_t{1}, ahead);
      std::vector<const std::vector<Way>*> soon;
      std::size_t candidates = 0;
      for (; compiled < comparisons.size() && (candidates < ahead || compiled == i); ++compiled) {
        soon.push_back(&comparisons[compiled].ways);
        candidates += trials_.unmeasured(comparisons[compiled].ways);
      }
      const double before = budget_.elapsed();
      trials_.compileAhead(soon);
      if (candidates > 1) each = (budget_.elapsed() - before) / static_cast<double>(candidates);
      ahead = std::min(2 * ahead, kMostAhead);
    }
    trials_.measure(comparisons[i].ways);
    if (after) after();
  }
}

// Where what runs untuned fails, some other way must be known to be right, whatever the time.
void NetworkSearch::findRightWays(const std::vector<Job>& jobs) {
  const auto right = [&](const Way& way) {
    const auto known = known_.seconds(*way.family, way.view);
    return known && !std::isinf(*known);
  };
  for (const Job& job : jobs)
    for (const Way& way : job.options) {
      if (!known_.fails(*job.untuned.family, job.untuned.view)) break;
      if (std::ranges::any_of(job.options, right)) break;
      if (!known_.fails(*way.family, way.view)) trials_.measure({way});
    }
}

void NetworkSearch::searchJobs(const Graph& graph, std::vector<Job>& jobs) {
  // Where the cost model expects most of the time first.
  std::ranges::stable_sort(jobs, std::ranges::greater(),
                           [](const Job& job) { return job.count * job.untuned.cost.estimate; });
  measure(comparisonsOf(jobs), kOptionsShare, {0, 0.3}, [&] { updateTimes(jobs); });
  findRightWays(jobs);
  std::vector<Job> reformats = reformatJobs(jobs, known_.caps());
  std::vector<Comparison> comparisons;
  for (Job& job : reformats) comparisons.push_back({&job, job.options});
  measure(comparisons, kOptionsShare + 0.1, {0.3, 0.4});
  updateTimes(jobs);
  searchTactics(targetsOf(graph, jobs), jobs);
}

// What lowering would take now, by share of time.
std::vector<NetworkSearch::Target> NetworkSearch::targetsOf(const Graph& graph,
                                                            std::vector<Job>& jobs) const {
  std::map<std::string, Job*> open;
  for (Job& job : jobs) open.emplace(job.planar.text(), &job);
  std::map<std::string, Target> targets;
  for (const Step& step : known_.lower(graph).lowered.steps) {
    const OpView view = denseView(step.view);
    const auto job = open.find(planarView(view).text());
    if (job == open.end()) continue;
    Target& target = targets[keyOf(*step.family, view)];
    target.way = wayOf(*step.family, view, known_.caps());
    target.layer = step.layer;
    target.job = job->second;
    target.ms += millisecondsOf(target.way);
  }
  std::vector<Target> order;
  for (auto& [_, target] : targets) order.push_back(std::move(target));
  std::ranges::stable_sort(order, std::ranges::greater(), &Target::ms);
  return order;
}

void NetworkSearch::searchTactics(const std::vector<Target>& targets, const std::vector<Job>& jobs) {
  ProblemSearch problems(known_, trials_, budget_);
  double total = 0;
  for (const Target& target : targets) total += target.ms;
  double left = total;
  for (const Target& target : targets) {
    tell(target.layer, 0.4 + 0.6 * (1 - left / std::max(total, 1e-9)));
    if (options_.mode == TuneMode::Full || target.ms >= kWorthwhile * total) {
      const double share = (budget_.searchEnds() - budget_.elapsed()) * target.ms / std::max(left, 1e-9);
      if (budget_.over(1) || !problems.search(target.way, share)) target.job->cut = true;
      if (!budget_.over(1)) problems.rematch(target.job->options);
    }
    left -= target.ms;
    updateTimes(jobs);
  }
}

}  // namespace tessera
