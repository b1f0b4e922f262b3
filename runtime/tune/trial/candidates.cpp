// Candidates in this process.
#include "tune/trial/candidates.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "cl/program.hpp"
#include "launch/caps_for.hpp"
#include "launch/op_runner.hpp"
#include "lower/cost_model.hpp"
#include "tessera/log.hpp"
#include "tune/problem.hpp"
#include "tune/trial/kept_problems.hpp"

namespace tessera {
namespace {

constexpr double kGiveUp = 3;          // times the best: one pass is enough to know
constexpr double kGiveUpFamily = 30;   // the same between families, whose times layouts are planned with
constexpr double kArbiterSeconds = 3;  // a naive kernel that takes longer checks nothing at full size
constexpr std::size_t kKeptBytes = std::size_t{1} << 30, kKeptOfMany = kKeptBytes / 4;
constexpr std::size_t kKeptPrograms = 300;
constexpr double kSampleMs = 1, kTotalMs = 40;
constexpr std::size_t kLeastSamples = 5, kMostSamples = 15;

// Empty where every element is within tolerance; else how many are not, and the worst.
std::string difference(const std::vector<HostTensor>& actual, const std::vector<HostTensor>& expected,
                       Tolerance tolerance) {
  for (std::size_t o = 0; o < expected.size(); ++o) {
    if (actual[o].data == expected[o].data) continue;
    std::int64_t count = 0, at = -1;
    double worst = 0;
    for (std::int64_t i = 0; i < expected[o].size(); ++i) {
      const double a = actual[o].number(i), e = expected[o].number(i);
      if (a == e || (std::isnan(a) && std::isnan(e))) continue;
      const double excess = std::abs(a - e) - (tolerance.absolute + tolerance.relative * std::abs(e));
      if (excess <= 0) continue;
      ++count;
      if (at < 0 || !(excess <= worst)) worst = excess, at = i;
    }
    if (count)
      return "output " + std::to_string(o) + ": " + std::to_string(count) + " of " +
             std::to_string(expected[o].size()) + " elements are wrong; element " + std::to_string(at) +
             " is " + std::to_string(actual[o].number(at)) + " instead of " +
             std::to_string(expected[o].number(at));
  }
  return {};
}

class DeviceRunner final : public CandidateRunner {
 public:
  DeviceRunner(const Device& device, TrialListener* listener)
      : device_(device),
        listener_(listener),
        kept_(device, device.caps().pocl ? kKeptOfMany : kKeptBytes),
        programs_(device) {}

  std::vector<Trial> run(const std::vector<Candidate>& candidates, double best, bool checkAll) override {
    if (candidates.empty()) return {};
    useProblem(planarView(candidates.front().view));
    const auto failures = build(candidates);
    std::vector<Entry> entries(candidates.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      entries[i].candidate = &candidates[i];
      entries[i].index = i;
      if (failures[i].empty())
        attempt(entries[i], [&](Entry& e) { prepare(e, best * (checkAll ? kGiveUpFamily : kGiveUp)); });
      else
        entries[i].trial = {Trial::Outcome::Wrong, 0, failures[i]};
    }
    sample(entries, best, checkAll);
    std::vector<Entry*> order;
    for (Entry& e : entries)
      if (e.trial.outcome == Trial::Outcome::Good) order.push_back(&e);
    std::stable_sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) {
      return a->trial.milliseconds < b->trial.milliseconds;
    });
    for (Entry* e : order) {
      if (!checkAll && best > 0 && e->trial.milliseconds >= best) break;
      attempt(*e, [&](Entry& entry) { check(entry); });
      if (!checkAll && e->trial.checked) break;  // the others are slower
    }
    std::vector<Trial> trials;
    for (Entry& e : entries) trials.push_back(std::move(e.trial));
    entries.clear();
    kept_.endBatch();
    return trials;
  }

  void compile(const std::vector<Candidate>& candidates) override {
    const auto failures = build(candidates);
    if (!device_.caps().pocl) return;  // it compiles in earnest when a kernel first runs
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!failures[i].empty()) continue;
      const Candidate& c = candidates[i];
      if (listener_) listener_->begin(i);
      try {
        useProblem(planarView(c.view));
        OpRunner(device_, *c.family, kept_.operands(c.view), c.tactic, &programs_).time(1);
      } catch (const Error& e) {
        log().debug("compiling {} {}: {}", c.family->id().text(), c.tactic.text(), e.what());
      }
    }
  }

  std::size_t bytesKept() const override { return kept_.bytes(); }

  void save(const std::vector<Candidate>& candidates, const std::filesystem::path& folder) override {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const Candidate& c = candidates[i];
      if (listener_) listener_->begin(i);
      try {
        const Launch launch = c.family->plan(c.family->problem(c.view), c.tactic, caps(c.view));
        std::vector<const KernelCall*> calls;
        for (const KernelCall& call : launch.calls) calls.push_back(&call);
        ProgramSet programs(device_);
        programs.useCache(ProgramCache::forDevice(device_.caps(), folder));
        programs.build(calls);
        programs.save();
      } catch (const Error& e) {
        log().debug("saving {} {}: {}", c.family->id().text(), c.tactic.text(), e.what());
      }
    }
  }

 private:
  // A candidate on its way.
  struct Entry {
    const Candidate* candidate = nullptr;
    std::size_t index = 0;
    std::optional<OpRunner> runner;
    int passes = 1;
    std::vector<double> samples;
    Trial trial;
  };

  void useProblem(const OpView& planar) { state_ = &kept_.use(planar); }

  DeviceCaps caps(const OpView& view) const { return capsFor(device_, view); }

  // Compiles in worker threads, while nothing is timed.
  std::vector<std::string> build(const std::vector<Candidate>& candidates) {
    if (programs_.size() > kKeptPrograms) programs_ = ProgramSet(device_);
    std::vector<Launch> launches;
    for (const Candidate& c : candidates)
      launches.push_back(c.family->plan(c.family->problem(c.view), c.tactic, caps(c.view)));
    std::vector<const KernelCall*> calls;
    for (const Launch& launch : launches)
      for (const KernelCall& call : launch.calls) calls.push_back(&call);
    const auto errors = programs_.tryBuild(calls);
    std::vector<std::string> failures(candidates.size());
    for (std::size_t i = 0; i < candidates.size(); ++i)
      for (const KernelCall& call : launches[i].calls)
        if (!call.library.empty())
          continue;
        else if (const auto it = errors.find(ProgramSource::of(call)); it != errors.end())
          failures[i] = it->second.substr(0, it->second.find('\n'));
    return failures;
  }

  template <class Step>
  void attempt(Entry& e, Step&& step) {
    try {
      if (listener_) listener_->begin(e.index);
      step(e);
    } catch (const Error& error) {
      e.runner.reset();
      if (!contextWorks()) throw ContextLost(e.index, error.what());
      // Memory that is not there is no fault of the candidate.
      const bool memory = error.code() == ErrorCode::OutOfMemory;
      e.trial = {memory ? Trial::Outcome::Slow : Trial::Outcome::Wrong, 0, error.what()};
    }
  }

  // After an access out of bounds some drivers fail every further call in a context: not the fault of who
  // calls next.
  bool contextWorks() const {
    try {
      return guarded("using the context", [&] {
        const cl::CommandQueue queue(device_.impl().context(), device_.impl().device);
        const cl::Buffer buffer(device_.impl().context(), CL_MEM_READ_WRITE, sizeof(cl_int));
        const cl_int value = 0;
        return queue.enqueueWriteBuffer(buffer, CL_TRUE, 0, sizeof value, &value) == CL_SUCCESS;
      });
    } catch (const Error&) {
      return false;
    }
  }

  // Ready to be timed; or Slow, where one pass takes longer than `most` milliseconds (0: none is too slow).
  void prepare(Entry& e, double most) {
    const Candidate& c = *e.candidate;
    e.runner.emplace(device_, *c.family, kept_.operands(c.view), c.tactic, &programs_);
    e.runner->time(1);  // warms up; some drivers finish compiling here
    const double first = e.runner->time(1);
    e.trial = {Trial::Outcome::Slow, first, {}};
    if (most > 0 && first > most) {
      e.runner.reset();
      return;
    }
    e.passes = std::clamp(static_cast<int>(kSampleMs / std::max(first, 1e-3)), 1, 200);
  }

  // In turns, so that what else the machine does hits all of them alike. What is slow is timed twice, and
  // then given up unless `keepSlow`.
  void sample(std::vector<Entry>& entries, double best, bool keepSlow) {
    double fastest = best;
    for (std::size_t round = 0; round < kMostSamples; ++round)
      for (Entry& e : entries) {
        if (!e.runner || e.trial.outcome == Trial::Outcome::Wrong) continue;
        if (round >= kLeastSamples && e.samples.front() * e.passes * static_cast<double>(round) > kTotalMs)
          continue;
        if (round >= 2 && fastest > 0 &&
            *std::min_element(e.samples.begin(), e.samples.end()) > kGiveUp * fastest) {
          if (keepSlow) continue;
          e.trial = {Trial::Outcome::Slow, e.samples.front(), {}};
          e.runner.reset();
          continue;
        }
        attempt(e, [&](Entry& entry) { entry.samples.push_back(entry.runner->time(entry.passes)); });
        if (!e.samples.empty() && (fastest == 0 || e.samples.back() < fastest)) fastest = e.samples.back();
      }
    for (Entry& e : entries)
      if (e.runner && !e.samples.empty() && e.trial.outcome != Trial::Outcome::Wrong)
        e.trial = {Trial::Outcome::Good, typicalTime(std::move(e.samples)), {}};
  }

  void check(Entry& e) {
    if (const auto wrong = whyWrong(*e.candidate, *e.runner); !wrong.empty())
      e.trial = {Trial::Outcome::Wrong, 0, wrong};
    else
      e.trial.checked = true;
  }

  std::string whyWrong(const Candidate& c, OpRunner& runner) {
    const std::string key = std::string(c.family->id().name) + " " + c.view.text() + " " + c.tactic.text();
    if (state_->verified.count(key)) return {};
    if (const auto wrong = whyWrongShrunken(c); !wrong.empty()) return "on a smaller problem: " + wrong;
    const auto outputs = runner.run();
    if (!runner.damage().empty()) return runner.damage();
    if (!state_->trusted) state_->trusted = arbiter(c);
    if (state_->trusted->empty()) {
      *state_->trusted = outputs;  // the first that agrees with the reference on a smaller problem
    } else {
      Tolerance tolerance = toleranceOf(state_->planar);
      tolerance.absolute *= 2, tolerance.relative *= 2;  // both sides may be off
      if (const auto wrong = difference(outputs, *state_->trusted, tolerance); !wrong.empty()) return wrong;
    }
    state_->verified.insert(key);
    return {};
  }

  std::string whyWrongShrunken(const Candidate& c) {
    const Operator& op = operatorNamed(c.view.op);
    for (const OpView& planar : shrunken(state_->planar)) {
      const OpView view = inBlocksOf(planar, c.view);
      if (!c.family->applies(view, caps(view))) continue;
      const Problem problem = c.family->problem(view);
      if (!c.family->space(problem, caps(view)).contains(c.tactic) &&
          c.family->fallback(problem, caps(view)) != c.tactic)
        continue;
      const auto inputs = madeUpOperands(planar);
      auto& expected = state_->references[planar.text()];
      if (expected.empty()) {
        for (const TensorDesc& t : planar.outputs) expected.emplace_back(t.type, t.shape);
        op.reference(planar, inputs, expected);
      }
      OpRunner runner(device_, *c.family, view, c.tactic, inputs, givenToPackings(view));
      const auto outputs = runner.run();
      if (!runner.damage().empty()) return runner.damage();
      return difference(outputs, expected, toleranceOf(planar));
    }
    log().debug("{} has no smaller problem to be checked on with {} {}", state_->planar.text(),
                c.family->id().text(), c.tactic.text());
    return {};
  }

  // What the plainest family computes, where it is quick enough and no candidate of its own; else nothing.
  std::vector<HostTensor> arbiter(const Candidate& c) {
    for (auto it = familiesFor(state_->planar).rbegin(); it != familiesFor(state_->planar).rend(); ++it) {
      const KernelFamily& family = **it;
      if (!family.applies(state_->planar, caps(state_->planar))) continue;
      if (&family == c.family && c.view == state_->planar) return {};
      const Problem problem = family.problem(state_->planar);
      if (estimateSeconds(family.cost(problem, caps(state_->planar)), caps(state_->planar)) > kArbiterSeconds)
        return {};
      const Candidate plain{&family, state_->planar, family.fallback(problem, caps(state_->planar))};
      if (!whyWrongShrunken(plain).empty()) return {};
      OpRunner runner(device_, family, kept_.operands(state_->planar), plain.tactic);
      auto outputs = runner.run();
      return runner.damage().empty() ? outputs : std::vector<HostTensor>{};
    }
    return {};
  }

  Device device_;
  TrialListener* listener_;
  KeptProblems kept_;
  KeptProblems::Problem* state_ = nullptr;  ///< of the candidates being tried
  ProgramSet programs_;
};

}  // namespace

std::unique_ptr<CandidateRunner> makeDeviceRunner(const Device& device, TrialListener* listener) {
  return std::make_unique<DeviceRunner>(device, listener);
}

}  // namespace tessera
