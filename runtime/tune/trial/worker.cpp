// This process's side of the pipes to workers: one times candidates; helpers compile with it, and stand still
// meanwhile.
#include "tune/trial/worker.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "tessera/log.hpp"
#include "tune/records/lines.hpp"
#include "tune/trial/child_process.hpp"
#include "tune/trial/worker_lines.hpp"
#include "tune/trial/worker_plugins.hpp"

namespace tessera {
namespace {

std::string candidateText(const Candidate& c) {
  return std::string(c.family->id().name) + "\t" + c.view.text() + "\t" + c.tactic.text() + "\n";
}

/// How a worker was lost.
struct Loss {
  bool hung = false;
  std::optional<std::size_t> candidate;  ///< tried last
  std::string how;
};

/// One worker process; started when it is first needed, and anew after a loss or when it holds much memory.
class Worker {
 public:
  explicit Worker(const WorkerOptions& options) : options_(options) {}

  /// Throws Error(DeviceError) where it does not start.
  void start() {
    if (full_) {
      log().debug("a tuning worker is replaced: much of its memory is held by what it compiled");
      child_->stop();
      child_.reset();
      full_ = false;
    }
    if (child_) return;
    child_ = std::make_unique<ChildProcess>(options_.command,
                                            std::pair{std::string(kWorkerDevice), options_.device});
    bool hung = false;
    const auto hello = child_->receive(options_.patience, hung);
    if (hello && *hello == "ready") {
      child_->send("limits\t0\t" + std::to_string(options_.renewAt) + "\t" + std::to_string(options_.memory) +
                   "\n" + pluginRequests());
      return;
    }
    const std::string how = child_->stop();
    child_.reset();
    throw Error(ErrorCode::DeviceError, "the tuning worker " + options_.command.front() +
                                            " does not start: " +
                                            (hello  ? *hello
                                             : hung ? "it says nothing"
                                                    : how));
  }

  /// `more`: fields after the number of candidates, each with the tab before it.
  void ask(const std::string& request, const std::vector<Candidate>& candidates,
           const std::string& more = {}) {
    std::string text = request + "\t" + std::to_string(candidates.size()) + more + "\n";
    for (const Candidate& c : candidates) text += candidateText(c);
    child_->send(text);
    begun_.reset();
  }

  /// The fields of the next answer; none where the worker was lost, which loss() then describes.
  std::optional<std::vector<std::string>> answer() {
    bool hung = false;
    for (;;) {
      const auto line = child_->receive(options_.patience, hung);
      if (!line) {
        const std::string how = child_->stop();
        child_.reset();
        full_ = false;
        loss_ = {hung, begun_,
                 hung ? "it hung: no answer in " + std::to_string(static_cast<int>(options_.patience)) + " s"
                 : how.empty() ? "its process was ended"
                               : how};
        return std::nullopt;
      }
      const auto fields = fieldsOf(*line);
      if (fields.size() == 2 && fields[0] == "begin")
        begun_ = static_cast<std::size_t>(numberIn(fields[1]));
      else if (*line == "full")
        full_ = true;
      else
        return std::vector<std::string>(fields.begin(), fields.end());
    }
  }
  /// Waits for `word`; false where the worker was lost.
  bool waitFor(std::string_view word) {
    while (const auto fields = answer())
      if (fields->front() == word) return true;
    return false;
  }
  const Loss& loss() const { return loss_; }

 private:
  const WorkerOptions& options_;
  std::unique_ptr<ChildProcess> child_;
  std::optional<std::size_t> begun_;
  bool full_ = false;  ///< it should be replaced
  Loss loss_;
};

class WorkerRunner final : public CandidateRunner {
 public:
  explicit WorkerRunner(const WorkerOptions& options) : options_(options) {
    for (int i = 0; i <= options.helpers; ++i) workers_.push_back(std::make_unique<Worker>(options_));
  }

  std::vector<Trial> run(const std::vector<Candidate>& candidates, double best, bool checkAll) override {
    if (candidates.empty()) return {};
    workers_.front()->start();
    if (options_.helpers > 0) compile(candidates);
    std::vector<std::optional<Trial>> trials(candidates.size());
    std::vector<Candidate> rest;
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (const auto hung = hung_.find(candidateText(candidates[i])); hung != hung_.end())
        trials[i] = Trial{Trial::Outcome::Wrong, 0, hung->second};
      else
        rest.push_back(candidates[i]);
    auto others = runAll(rest, best, checkAll);
    auto next = others.begin();
    std::vector<Trial> result;
    for (auto& trial : trials) result.push_back(trial ? std::move(*trial) : std::move(*next++));
    return result;
  }

  // All processes at once: with helpers, the driver keeps what one compiled for the others. What crashes will
  // do so again when it is run; what hangs need not hang twice.
  void compile(const std::vector<Candidate>& candidates) override {
    std::vector<Candidate> fresh;
    for (const Candidate& c : candidates)
      if (compiled_.insert(candidateText(c)).second) fresh.push_back(c);
    if (fresh.size() < 2) return;  // the first is compiled where it is run
    share("compile", {}, "compiled", fresh);
  }

  void save(const std::vector<Candidate>& candidates, const std::filesystem::path& folder) override {
    share("save", "\t" + folder.string(), "saved", candidates);
  }

 private:
  // Deals candidates out to the workers, and waits for all.
  void share(const std::string& request, const std::string& more, std::string_view done,
             const std::vector<Candidate>& candidates) {
    std::vector<std::vector<Candidate>> parts(std::min(workers_.size(), candidates.size()));
    for (std::size_t i = 0; i < candidates.size(); ++i) parts[i % parts.size()].push_back(candidates[i]);
    std::vector<bool> asked(parts.size());
    for (std::size_t w = 0; w < parts.size(); ++w) try {
        workers_[w]->start();
        workers_[w]->ask(request, parts[w], more);
        asked[w] = true;
      } catch (const Error& e) {
        log().debug("tuning with fewer workers: {}", e.what());
      }
    for (std::size_t w = 0; w < parts.size(); ++w) {
      if (!asked[w] || workers_[w]->waitFor(done)) continue;
      const Loss& loss = workers_[w]->loss();
      if (loss.hung && loss.candidate && *loss.candidate < parts[w].size())
        hung_.emplace(candidateText(parts[w][*loss.candidate]), loss.how);
    }
  }

  // Together; where the worker is lost each on its own, so that only those who are at fault are blamed.
  std::vector<Trial> runAll(const std::vector<Candidate>& candidates, double best, bool checkAll) {
    if (candidates.empty()) return {};
    if (auto trials = runSome(candidates, best, checkAll)) return *trials;
    std::vector<Trial> trials;
    for (const Candidate& candidate : candidates) {
      auto own = runSome({candidate}, best, checkAll);
      trials.push_back(own ? own->front() : Trial{Trial::Outcome::Wrong, 0, workers_.front()->loss().how});
      if (trials.back().outcome == Trial::Outcome::Good && !checkAll &&
          (best == 0 || trials.back().milliseconds < best))
        best = trials.back().milliseconds;
    }
    return trials;
  }

  // What the worker answered; none where it was lost.
  std::optional<std::vector<Trial>> runSome(const std::vector<Candidate>& candidates, double best,
                                            bool checkAll) {
    Worker& worker = *workers_.front();
    worker.start();
    worker.ask("run", candidates, "\t" + exactText(best) + "\t" + (checkAll ? "1" : "0"));
    std::vector<Trial> trials;
    while (trials.size() < candidates.size()) {
      const auto fields = worker.answer();
      if (!fields) return std::nullopt;
      for (int outcome = 0; outcome < 3 && fields->size() == 4; ++outcome)
        if ((*fields)[0] == kOutcomes[outcome])
          trials.push_back({static_cast<Trial::Outcome>(outcome), numberIn((*fields)[1]), (*fields)[3],
                            (*fields)[2] == "1"});
    }
    return trials;
  }

  const WorkerOptions options_;
  std::vector<std::unique_ptr<Worker>> workers_;  ///< the first times
  std::set<std::string> compiled_;
  std::map<std::string, std::string> hung_;  ///< candidates, and how
};

}  // namespace

std::unique_ptr<CandidateRunner> makeWorkerRunner(const WorkerOptions& options) {
  return std::make_unique<WorkerRunner>(options);
}

}  // namespace tessera
