// Candidates on their way to the device and into the records.
#include "tune/trial/trials.hpp"

#include <spdlog/logger.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>

#include "cl/program.hpp"
#include "tessera/log.hpp"
#include "tune/problem.hpp"
#include "tune/trial/worker.hpp"
#include "tune/trial/worker_plugins.hpp"

namespace tessera {
namespace {

constexpr unsigned kMostWorkers = 8;  // each holds a problem's operands
// LLVM takes 250 MB, and some of every program stays.
constexpr std::size_t kRenewAt = std::size_t{640} << 20, kLeastMemory = std::size_t{2} << 30;

// Half the machine's.
std::size_t memoryOfAWorker() {
  const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || size <= 0) return 0;
  return std::max(kLeastMemory, static_cast<std::size_t>(pages) / 2 * static_cast<std::size_t>(size));
}

}  // namespace

void Trials::record(const Candidate& c, const Trial& trial) {
  const bool bad = trial.outcome == Trial::Outcome::Wrong;
  if (!bad && !trial.checked) return;  // slow, or not compared with anything: its time does not count
  const Problem problem = c.family->problem(c.view);
  if (bad) {
    ++bad_;
    log().warn("tuning: {} with {} on {} is rejected: {}", c.family->id().text(), c.tactic.text(),
               c.view.text(), trial.reason);
  }
  const TacticRecord made{c.family->id().text(),
                          known_.sourceHash(*c.family, problem),
                          problem.text(),
                          known_.caps().fingerprint(),
                          c.tactic.text(),
                          bad ? 0 : trial.milliseconds,
                          bad,
                          bad ? trial.reason : ""};
  known_.add(made);
}

std::vector<Trial> Trials::run(const std::vector<Candidate>& candidates, double best, bool checkAll) {
  try {
    auto trials = tryCandidates(candidates, best, checkAll);
    for (std::size_t i = 0; i < trials.size(); ++i) record(candidates[i], trials[i]);
    return trials;
  } catch (const ContextLost& lost) {
    const Candidate& c = candidates.at(lost.index);
    record(c, {Trial::Outcome::Wrong, 0, lost.what()});
    throw Error(ErrorCode::DeviceError,
                known_.caps().name + " stopped working while " + c.family->id().text() + " with " +
                    c.tactic.text() + " was tried on " + c.view.text() +
                    ". That kernel is recorded as bad and will not be tried again: please start anew (" +
                    lost.what() + ")");
  }
}

void Trials::needRunner() {
  if (runner_) return;
  if (options_.worker.empty()) {
    runner_ = makeDeviceRunner(device_);
    return;
  }
  WorkerOptions workers{options_.worker, known_.caps().fingerprint(), options_.patience};
  if (known_.caps().pocl) {
    workers.helpers = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, kMostWorkers)) - 1;
    workers.renewAt = kRenewAt;
    workers.memory = memoryOfAWorker();
  }
  runner_ = makeWorkerRunner(workers);
  untried_ = true;
}

std::vector<Trial> Trials::tryCandidates(const std::vector<Candidate>& candidates, double best,
                                         bool checkAll) {
  needRunner();
  std::vector<Trial> trials;
  const bool here =
      !std::ranges::all_of(candidates, [](const Candidate& c) { return workersKnow(*c.family); });
  if (here) trials = makeDeviceRunner(device_)->run(candidates, best, checkAll);
  if (!here && untried_) try {
      trials = runner_->run(candidates, best, checkAll);
    } catch (const Error& e) {
      log().warn("tuning in this process: {}", e.what());
      runner_ = makeDeviceRunner(device_);
    }
  if (!here) untried_ = false;
  if (!here && trials.empty()) trials = runner_->run(candidates, best, checkAll);
  tried_ += trials.size();
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

std::vector<Candidate> Trials::unmeasured(const std::vector<Way>& ways, double& best) const {
  std::vector<Candidate> candidates;
  best = 0;
  for (const Way& option : ways) {
    if (const auto known = known_.find(*option.family, option.view);
        known && known->match == RecordMatch::Exact) {
      if (best == 0 || known->record.milliseconds < best) best = known->record.milliseconds;
      continue;
    }
    const Problem problem = option.family->problem(option.view);
    const Tactic tactic = known_.untuned(*option.family, problem);
    if (known_.limit().allows(*option.family, problem, tactic, known_.caps()) &&
        !known_.isBad(*option.family, option.view, tactic))
      candidates.push_back({option.family, option.view, tactic});
  }
  return candidates;
}

std::size_t Trials::unmeasured(const std::vector<Way>& ways) const {
  double best = 0;
  return unmeasured(ways, best).size();
}

void Trials::compileAhead(const std::vector<const std::vector<Way>*>& problems) {
  std::vector<Candidate> soon;
  double best = 0;
  for (const auto* ways : problems)
    for (Candidate& c : unmeasured(*ways, best)) soon.push_back(std::move(c));
  needRunner();
  std::erase_if(soon, [](const Candidate& c) { return !workersKnow(*c.family); });
  if (soon.size() > 1) runner_->compile(soon);
}

void Trials::measure(const std::vector<Way>& ways) {
  double best = 0;
  const auto candidates = unmeasured(ways, best);
  if (candidates.empty()) return;
  run(candidates, best, true);
}

void Trials::savePrograms(const Lowered& lowered, const std::filesystem::path& folder) {
  if (!runner_ || folder.empty()) return;
  std::vector<Candidate> kernels;
  std::set<ProgramSource> known;
  for (const Step& step : lowered.steps) {
    bool fresh = false;
    for (const KernelCall& call : step.launch.calls) fresh |= known.insert(ProgramSource::of(call)).second;
    // With its own scales, which may be literals of its program.
    if (fresh && workersKnow(*step.family))
      kernels.push_back({step.family, withDenseLayouts(step.view), step.tactic});
  }
  runner_->save(kernels, folder);
}

}  // namespace tessera
