#include "tune/search/problem_search.hpp"

#include <limits>

#include "base/hex.hpp"
#include "tune/search/tactic_search.hpp"

namespace tessera {
namespace {

constexpr double kRival = 1.5;  // times the fastest way's time: may be the fastest on another day

}  // namespace

void ProblemSearch::rematch(const std::vector<Way>& ways) {
  std::vector<std::pair<double, Candidate>> timed;
  double best = std::numeric_limits<double>::max();
  for (const Way& way : ways) {
    const auto hit = known_.find(*way.family, way.view);
    if (!hit || hit->match != RecordMatch::Exact || hit->record.milliseconds <= 0) continue;
    timed.push_back({hit->record.milliseconds, {way.family, way.view, Tactic::parse(hit->record.tactic)}});
    best = std::min(best, hit->record.milliseconds);
  }
  std::vector<Candidate> rivals;
  for (auto& [ms, candidate] : timed)
    if (ms <= kRival * best) rivals.push_back(std::move(candidate));
  if (rivals.size() > 1) trials_.run(rivals, 0, true);
}

// Equal texts stand for equal programs and ranges.
std::string ProblemSearch::identityOf(const Way& way, const Problem& problem, const Tactic& tactic) const {
  std::string identity;
  for (const KernelCall& call : way.family->plan(problem, tactic, known_.caps()).calls) {
    identity += call.library + call.source + ":" + call.entry + call.prologue + call.options;
    for (const auto& [name, value] : call.defines) identity += " " + name + "=" + value;
    for (const auto* extents : {&call.global, &call.local})
      for (const std::size_t extent : *extents) identity += "," + std::to_string(extent);
    for (const KernelArg& arg : call.args) identity += ";" + std::to_string(arg.integer);
  }
  return identity;
}

bool ProblemSearch::search(const Way& way, double seconds) {
  const DeviceCaps& caps = known_.caps();
  const Problem problem = way.family->problem(way.view);
  TacticSpace space = way.family->space(problem, caps);
  if (space.empty()) return true;
  const auto within = [&](const Tactic& tactic) {
    return known_.limit().allows(*way.family, problem, tactic, caps);
  };
  if (known_.limit().limits()) space.constraints.push_back({"its workspace is above the limit", within});
  const double end = budget_.elapsed() + seconds;
  std::vector<Tactic> first{way.family->fallback(problem, caps)};
  for (const Tactic& tactic : known_.defaultsFor(*way.family, problem)) first.insert(first.begin(), tactic);
  if (const auto hit = known_.find(*way.family, way.view))
    first.insert(first.begin(), Tactic::parse(hit->record.tactic));
  std::erase_if(first, [&](const Tactic& tactic) { return !within(tactic); });
  SearchOptions options;
  const bool full = known_.mode() == TuneMode::Full;
  options.most = full ? 400 : 60;
  options.patience = full ? 80 : 20;
  options.batch = caps.isCpu() ? 4 : 8;
  const std::string text = problem.text();
  options.seed = static_cast<unsigned>(textHash(text));
  options.outOfTime = [&] { return budget_.elapsed() > end; };
  const auto bad = known_.store().bad(text, way.family->id().text(), known_.sourceHash(*way.family, problem));
  options.bad = {bad.begin(), bad.end()};
  options.identity = [&](const Tactic& tactic) { return identityOf(way, problem, tactic); };
  const auto measure = [&](const std::vector<Tactic>& tactics, double best) {
    std::vector<Candidate> candidates;
    for (const Tactic& tactic : tactics) candidates.push_back({way.family, way.view, tactic});
    return trials_.run(candidates, best, best == 0);
  };
  searchTactics(space, first, measure, options);
  return budget_.elapsed() <= end;
}

}  // namespace tessera
