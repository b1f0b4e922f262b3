// Candidates on their way to the device and into the records.
#include <algorithm>
#include <limits>
#include <thread>

#include <xxhash.h>

#include "tessera/log.hpp"
#include "tune/tuner.hpp"
#include "tune/worker.hpp"

namespace tessera {
namespace {

constexpr double kRival = 1.5;          // times the fastest way's time: may be the fastest on another day
constexpr unsigned kMostWorkers = 8;    // each holds a problem's operands
constexpr std::size_t kMostAhead = 32;  // candidates compiled at once

}  // namespace

void Tuner::record(const Candidate& c, const Trial& trial) {
  const bool bad = trial.outcome == Trial::Outcome::Wrong;
  if (!bad && !trial.checked) return;  // slow, or not compared with anything: its time does not count
  const Problem problem = c.family->problem(c.view);
  if (bad) {
    ++report_.bad;
    log().warn("tuning: {} with {} on {} is rejected: {}", c.family->id().text(), c.tactic.text(),
               c.view.text(), trial.reason);
  }
  const TuneRecord made{c.family->id().text(),
                        sourceHash(*c.family, problem),
                        problem.text(),
                        caps_.fingerprint(),
                        c.tactic.text(),
                        bad ? 0 : trial.milliseconds,
                        bad,
                        bad ? trial.reason : ""};
  store_.add(made);
  noteBad(made);
}

std::vector<Trial> Tuner::measure(const std::vector<Candidate>& candidates, double best, bool checkAll) {
  try {
    return tryCandidates(candidates, best, checkAll);
  } catch (const ContextLost& lost) {
    const Candidate& c = candidates.at(lost.index);
    record(c, {Trial::Outcome::Wrong, 0, lost.what()});
    throw Error(ErrorCode::DeviceError,
                caps_.name + " stopped working while " + c.family->id().text() + " with " + c.tactic.text() +
                    " was tried on " + c.view.text() +
                    ". That kernel is recorded as bad and will not be tried again: please start anew (" +
                    lost.what() + ")");
  }
}

void Tuner::needRunner() {
  if (runner_) return;
  if (options_.worker.empty()) {
    runner_ = makeDeviceRunner(device_);
    return;
  }
  const unsigned workers = caps_.pocl ? std::clamp(std::thread::hardware_concurrency(), 1u, kMostWorkers) : 1;
  runner_ = makeWorkerRunner(
      {options_.worker, caps_.fingerprint(), options_.patience, static_cast<int>(workers) - 1});
  untried_ = true;
}

std::vector<Trial> Tuner::tryCandidates(const std::vector<Candidate>& candidates, double best,
                                        bool checkAll) {
  needRunner();
  std::vector<Trial> trials;
  if (untried_) try {
      trials = runner_->run(candidates, best, checkAll);
    } catch (const Error& e) {
      log().warn("tuning in this process: {}", e.what());
      runner_ = makeDeviceRunner(device_);
    }
  untried_ = false;
  if (trials.empty()) trials = runner_->run(candidates, best, checkAll);
  report_.candidates += trials.size();
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Trial& t = trials[i];
    log().debug("tuning: {} {} on {}: {} {:.4f} ms {}", candidates[i].family->id().text(),
                candidates[i].tactic.text(), candidates[i].view.text(),
                t.outcome == Trial::Outcome::Good   ? "good"
                : t.outcome == Trial::Outcome::Slow ? "slow"
                                                    : "wrong",
                t.milliseconds, t.reason);
  }
  return trials;
}

std::vector<Candidate> Tuner::unmeasured(const std::vector<Option>& options, double& best) const {
  std::vector<Candidate> candidates;
  best = 0;
  for (const Option& option : options) {
    if (const auto known = find(*option.family, option.view); known && known->match == RecordMatch::Exact) {
      if (best == 0 || known->record.milliseconds < best) best = known->record.milliseconds;
      continue;
    }
    const Problem problem = option.family->problem(option.view);
    const Tactic tactic =
        defaultTactic(*option.family, problem).value_or(option.family->fallback(problem, caps_));
    if (!isBad(*option.family, option.view, tactic))
      candidates.push_back({option.family, option.view, tactic});
  }
  return candidates;
}

// Times each way with its untuned tactic, and records all that are right.
void Tuner::measureOptions(const std::vector<Option>& options) {
  double best = 0;
  const auto candidates = unmeasured(options, best);
  if (candidates.empty()) return;
  const auto trials = measure(candidates, best, true);
  for (std::size_t i = 0; i < trials.size(); ++i) record(candidates[i], trials[i]);
}

// Compiles what comes next all at once; a little at first, since it is in vain where the time is over before
// it runs.
void Tuner::measureAll(const std::vector<Comparison>& comparisons, double share,
                       std::pair<double, double> fractions, const std::function<void()>& after) {
  std::size_t ahead = 4, compiled = 0;
  double each = 0;  // seconds that one took to compile
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    if (over(share)) {
      comparisons[i].job->cut = true;
      continue;
    }
    const double part = static_cast<double>(i) / static_cast<double>(comparisons.size());
    tell(comparisons[i].job->layer, fractions.first + part * (fractions.second - fractions.first));
    if (i == compiled) {
      if (each > 0) {  // no more than the time left can compile
        const double left = span_.begin + share * (span_.end - span_.begin) - elapsed();
        ahead = std::clamp(static_cast<std::size_t>(std::max(left / each, 1.0)), std::size_t{1}, ahead);
      }
      std::vector<Candidate> soon;
      double best = 0;
      for (; compiled < comparisons.size() && (soon.size() < ahead || compiled == i); ++compiled)
        for (Candidate& c : unmeasured(comparisons[compiled].options, best)) soon.push_back(std::move(c));
      needRunner();
      const double before = elapsed();
      if (soon.size() > 1) {
        runner_->compile(soon);
        each = (elapsed() - before) / static_cast<double>(soon.size());
      }
      ahead = std::min(2 * ahead, kMostAhead);
    }
    measureOptions(comparisons[i].options);
    if (after) after();
  }
}

// Ways were timed at different moments, tactics of the fastest last: its rivals run against it once more,
// side by side, since a machine's speed drifts.
void Tuner::rematch(const Job& job) {
  std::vector<std::pair<double, Candidate>> known;
  double best = std::numeric_limits<double>::max();
  for (const Option& option : job.options) {
    const auto hit = find(*option.family, option.view);
    if (!hit || hit->match != RecordMatch::Exact || hit->record.milliseconds <= 0) continue;
    known.push_back(
        {hit->record.milliseconds, {option.family, option.view, Tactic::parse(hit->record.tactic)}});
    best = std::min(best, hit->record.milliseconds);
  }
  std::vector<Candidate> rivals;
  for (auto& [ms, candidate] : known)
    if (ms <= kRival * best) rivals.push_back(std::move(candidate));
  if (rivals.size() < 2) return;
  const auto trials = measure(rivals, 0, true);
  for (std::size_t i = 0; i < trials.size(); ++i) record(rivals[i], trials[i]);
}

// False where the time was over before the search was.
bool Tuner::searchOption(const Option& option, double seconds) {
  const Problem problem = option.family->problem(option.view);
  const TacticSpace space = option.family->space(problem, caps_);
  if (space.empty()) return true;
  const double end = elapsed() + seconds;
  std::vector<Tactic> first{option.family->fallback(problem, caps_)};
  for (const Tactic& tactic : defaults_.of(*option.family, problem)) first.insert(first.begin(), tactic);
  if (const auto known = find(*option.family, option.view))
    first.insert(first.begin(), Tactic::parse(known->record.tactic));
  SearchOptions options;
  const bool full = options_.mode == TuneMode::Full;
  options.most = full ? 400 : 60;
  options.patience = full ? 80 : 20;
  options.batch = caps_.isCpu() ? 4 : 8;
  const std::string text = problem.text();
  options.seed = static_cast<unsigned>(XXH3_64bits(text.data(), text.size()));
  options.outOfTime = [&] { return elapsed() > end; };
  const auto bad = store_.bad(text, option.family->id().text(), sourceHash(*option.family, problem));
  options.bad = {bad.begin(), bad.end()};
  options.identity = [&](const Tactic& tactic) {
    std::string identity;
    for (const KernelCall& call : option.family->plan(problem, tactic, caps_).calls) {
      identity += call.library + call.source + ":" + call.entry + call.prologue + call.options;
      for (const auto& [name, value] : call.defines) identity += " " + name + "=" + value;
      for (const auto* extents : {&call.global, &call.local})
        for (const std::size_t extent : *extents) identity += "," + std::to_string(extent);
      for (const KernelArg& arg : call.args) identity += ";" + std::to_string(arg.integer);
    }
    return identity;
  };
  searchTactics(
      space, first,
      [&](const std::vector<Tactic>& tactics, double best) {
        std::vector<Candidate> candidates;
        for (const Tactic& tactic : tactics) candidates.push_back({option.family, option.view, tactic});
        auto trials = measure(candidates, best, best == 0);
        for (std::size_t i = 0; i < trials.size(); ++i) record(candidates[i], trials[i]);
        return trials;
      },
      options);
  return elapsed() <= end;
}

}  // namespace tessera
