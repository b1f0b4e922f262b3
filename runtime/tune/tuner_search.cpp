// What a network needs measured, and how the time is spread over it.
#include <algorithm>
#include <set>

#include "lower/cost_model.hpp"
#include "lower/reformat.hpp"
#include "tessera/log.hpp"
#include "tune/problem.hpp"
#include "tune/tuner.hpp"

namespace tessera {
namespace {

constexpr double kHopeless = 10;       // times the model's estimate of the best way: not even measured,
constexpr double kHopelessFast = 3;    // nor in Fast on CPUs, where most of the time goes into compiling
constexpr double kOptionsShare = 0.7;  // of the budget, at most, for comparing families and layouts
constexpr double kWorthwhile = 0.003;  // share of the network's time below which Fast searches no tactics
constexpr double kSearchShare =
    0.7;  // of the budget: races of whole networks, and compiling them, take the rest
constexpr double kRacesShare = 0.15;    // of the budget, for all races
constexpr double kRefinedShare = 0.95;  // of the budget, until which kernels are swapped

std::string keyOf(const KernelFamily& family, const OpView& view) {
  return family.id().text() + " " + view.text();
}

// Whether operands lie in the same channel blocks.
bool sameBlocks(const OpView& a, const OpView& b) {
  const auto blocksOf = [](const OpView& view) {
    std::vector<int> blocks;
    for (const auto* operands : {&view.inputs, &view.outputs})
      for (const TensorDesc& t : *operands) blocks.push_back(t.layout.block);
    return blocks;
  };
  return blocksOf(a) == blocksOf(b);
}

}  // namespace

double Tuner::elapsed() const {
  return begin_ ? std::chrono::duration<double>(Clock::now() - *begin_).count() : 0;
}

double Tuner::budget() const {
  if (options_.seconds > 0) return options_.seconds;
  return options_.mode == TuneMode::Full ? 600 : caps_.isCpu() ? 75 : 50;  // CPUs compile more slowly
}

double Tuner::searchSeconds() const { return budget() * kSearchShare; }

double Tuner::raceSeconds() const {
  const double left = std::max(0.0, budget() - elapsed());
  return std::min({options_.mode == TuneMode::Full ? 60.0 : 6.0, budget() * kRacesShare / races_, left});
}

double Tuner::refineSeconds() const { return std::max(0.0, budget() * kRefinedShare - elapsed()); }

bool Tuner::over(double share) const { return elapsed() > span_.begin + share * (span_.end - span_.begin); }

void Tuner::tell(const std::string& layer, double fraction) {
  const double whole = span_.fraction + fraction * (span_.untilFraction - span_.fraction);
  if (options_.progress)
    options_.progress({layer, elapsed(), searchSeconds(), whole, report_.candidates, untunedMs_, bestMs_});
}

std::vector<Tuner::Job> Tuner::jobsOf(const Graph& graph) const {
  const Lowered untuned = lowerGraph(
      graph, caps_,
      [this](const KernelFamily& family, const Problem& problem) { return family.fallback(problem, caps_); });
  std::vector<Job> jobs;
  std::map<std::string, std::size_t> known;
  for (const Step& step : untuned.steps) {
    if (step.view.op == "Reformat" || step.view.op == "Identity") continue;
    if (!whyNotMeasured(step.view).empty()) continue;
    const OpView planar = planarView(step.view);
    const auto [it, fresh] = known.emplace(planar.text(), jobs.size());
    if (fresh) {
      Job job{planar, step.layer, 0, {step.family, denseView(step.view)}, {}};
      job.untuned.estimate =
          estimateSeconds(step.family->cost(step.family->problem(step.view), caps_), caps_);
      jobs.push_back(std::move(job));
    }
    ++jobs[it->second].count;
  }
  // Families that take any block are offered those that some other family insists on.
  std::set<int> blocks{1};
  for (const Job& job : jobs)
    for (const KernelFamily* family : familiesFor(job.planar.op))
      if (family->channelBlock(job.planar, caps_) != 0)
        for (const BlockChoice& choice : family->blockChoices(job.planar, caps_))
          if (family->applies(withBlocks(job.planar, choice), caps_))
            for (const auto* side : {&choice.inputs, &choice.outputs})
              blocks.insert(side->begin(), side->end());
  for (Job& job : jobs) {
    for (const KernelFamily* family : familiesFor(job.planar.op)) {
      const bool anyBlock = family->channelBlock(job.planar, caps_) == 0;
      for (const BlockChoice& choice : family->blockChoices(job.planar, caps_)) {
        const OpView view = withBlocks(job.planar, choice);
        if (!family->applies(view, caps_)) continue;
        if (anyBlock && !std::all_of(choice.outputs.begin(), choice.outputs.end(),
                                     [&](int block) { return blocks.count(block) > 0; }))
          continue;
        job.options.push_back(
            {family, view, estimateSeconds(family->cost(family->problem(view), caps_), caps_)});
      }
    }
    std::stable_sort(job.options.begin(), job.options.end(),
                     [](const Option& a, const Option& b) { return a.estimate < b.estimate; });
  }
  return jobs;
}

std::vector<Tuner::Job> Tuner::reformatJobs(const std::vector<Job>& jobs) const {
  std::map<std::string, std::pair<TensorDesc, std::set<int>>>
      tensors;  // activations, and the blocks they may have
  for (const Job& job : jobs)
    for (const Option& option : job.options) {
      const auto add = [&](const TensorDesc& t) {
        if (!t.blockable()) return;
        TensorDesc planar = t;
        planar.layout = {};
        auto& [desc, blocks] = tensors[planar.text()];
        desc = planar;
        blocks.insert(t.layout.block);
      };
      for (const TensorDesc& t : option.view.inputs) add(t);
      for (const TensorDesc& t : option.view.outputs) add(t);
    }
  std::vector<Job> reformats;
  for (const auto& [_, tensor] : tensors)
    for (const int from : tensor.second)
      for (const int to : tensor.second) {
        if (sameOrder(tensor.first, from, to)) continue;
        const OpView view = reformatView(tensor.first, from, to);
        if (const KernelFamily* family = familyFor(view, caps_))
          reformats.push_back({planarView(view), "reformat", 1, {family, view}, {{family, view}}});
      }
  return reformats;
}

void Tuner::tune(const Graph& graph, double until) {
  if (!searches(options_.mode) || nothingOpen(graph)) return;
  if (!begin_) begin_ = Clock::now();
  span_ = {elapsed(), std::max(elapsed(), searchSeconds() * until), span_.untilFraction, until};
  std::vector<Job> jobs = jobsOf(graph);
  const auto open =
      std::stable_partition(jobs.begin(), jobs.end(), [&](const Job& job) { return searched(job); });
  std::vector<Job> closed(std::make_move_iterator(jobs.begin()), std::make_move_iterator(open));
  jobs.erase(jobs.begin(), open);
  if (!jobs.empty()) {
    rememberBefore(graph);
    search(graph, jobs);
    for (const Job& job : jobs) markSearched(job);
    report_.seconds += elapsed() - span_.begin;
    log().info("tuned {} problems in {:.1f} s: {} candidates, {} rejected, {:.3f} ms -> {:.3f} ms",
               jobs.size(), elapsed() - span_.begin, report_.candidates, report_.bad, untunedMs_, bestMs_);
  }
  tell("", 1);
  jobs.insert(jobs.end(), std::make_move_iterator(closed.begin()), std::make_move_iterator(closed.end()));
  noteNothingOpen(graph, jobs);
}

void Tuner::search(const Graph& graph, std::vector<Job>& jobs) {
  // What runs untuned and the other families and layouts, where the cost model expects most of the time
  // first; then the reformats between them.
  std::stable_sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) {
    return a.count * a.untuned.estimate > b.count * b.untuned.estimate;
  });
  const auto timeOf = [&](const Option& option) {
    const auto known = seconds(*option.family, option.view);
    return (known && !std::isinf(*known) ? *known : option.estimate) * 1e3;
  };
  const std::function<void()> updateTimes = [&] {
    untunedMs_ = bestMs_ = 0;
    for (Job& job : jobs) {
      double best = job.untunedMs = timeOf(job.untuned);
      for (const Option& option : job.options)
        if (const auto s = seconds(*option.family, option.view)) best = std::min(best, *s * 1e3);
      untunedMs_ += job.count * job.untunedMs;
      bestMs_ += job.count * best;
    }
  };
  // Families for the untuned layouts first, for every problem: they cost no reformats, and the time may not
  // suffice for more.
  std::vector<Comparison> comparisons;
  for (const bool untunedLayouts : {true, false})
    for (Job& job : jobs) {
      Comparison comparison{&job, {job.untuned}};
      const double least = job.options.empty() ? 0 : job.options.front().estimate;
      // Libraries compile for seconds on CPUs, where they seldom win: Full has the time to see.
      const bool libraries = !caps_.isCpu() || options_.mode == TuneMode::Full;
      const double hopeless = libraries ? kHopeless : kHopelessFast;
      for (const Option& option : job.options) {
        if (sameBlocks(option.view, job.untuned.view) != untunedLayouts) continue;
        if (option.family == job.untuned.family && option.view.text() == job.untuned.view.text()) continue;
        if (option.estimate <= hopeless * least && (libraries || !option.family->usesLibrary()))
          comparison.options.push_back(option);
      }
      comparisons.push_back(std::move(comparison));
    }
  measureAll(comparisons, kOptionsShare, {0, 0.3}, updateTimes);
  // What runs untuned fails: some other way must be known to be right, whatever the time.
  const auto right = [&](const Option& option) {
    const auto known = seconds(*option.family, option.view);
    return known && !std::isinf(*known);
  };
  for (Job& job : jobs)
    for (const Option& option : job.options) {
      if (!fails(*job.untuned.family, job.untuned.view)) break;
      if (std::any_of(job.options.begin(), job.options.end(), right)) break;
      if (!fails(*option.family, option.view)) measureOptions({option});
    }
  std::vector<Job> reformats = reformatJobs(jobs);
  comparisons.clear();
  for (Job& job : reformats) comparisons.push_back({&job, job.options});
  measureAll(comparisons, kOptionsShare + 0.1, {0.3, 0.4});
  updateTimes();
  // Tactics of what lowering would take now, by share of time.
  struct Target {
    Option option;
    std::string layer;
    Job* job = nullptr;
    double ms = 0;
  };
  std::map<std::string, Target> targets;
  const Lowered lowered = lower(graph);
  std::map<std::string, Job*> open;
  for (Job& job : jobs) open.emplace(job.planar.text(), &job);
  for (const Step& step : lowered.steps) {
    const OpView view = denseView(step.view);
    const auto job = open.find(planarView(view).text());
    if (job == open.end()) continue;
    Target& target = targets[keyOf(*step.family, view)];
    target.option = {step.family, view,
                     estimateSeconds(step.family->cost(step.family->problem(view), caps_), caps_)};
    target.layer = step.layer;
    target.job = job->second;
    target.ms += timeOf(target.option);
  }
  std::vector<Target> order;
  double total = 0;
  for (auto& [_, target] : targets) {
    total += target.ms;
    order.push_back(std::move(target));
  }
  std::stable_sort(order.begin(), order.end(), [](const Target& a, const Target& b) { return a.ms > b.ms; });
  double left = total;
  for (const Target& target : order) {
    tell(target.layer, 0.4 + 0.6 * (1 - left / std::max(total, 1e-9)));
    if (options_.mode == TuneMode::Full || target.ms >= kWorthwhile * total) {
      const double share = (span_.end - elapsed()) * target.ms / std::max(left, 1e-9);
      if (over(1) || !searchOption(target.option, share)) target.job->cut = true;
      if (!over(1)) rematch(*target.job);
    }
    left -= target.ms;
    updateTimes();
  }
}

}  // namespace tessera
