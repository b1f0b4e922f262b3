// Default tactics for a class of devices, made of one device's records.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>

#include "apps/common/progress.hpp"
#include "apps/tessera-tune/commands.hpp"

namespace tessera::app {
namespace {

constexpr double kClearly = 1.1;    // times faster than the family's own choice, over all problems of a class
constexpr double kHarmless = 1.05;  // times slower that any one of them may become
constexpr std::size_t kMostTactics = 4, kMostProblems = 6;  // measured of one class

// Problems of one class and what was found for them, fastest record each.
struct Class {
  const KernelFamily* family = nullptr;
  DefaultLine line;
  std::vector<const TacticRecord*> records;
};

std::map<std::string, Class> classesOf(const RecordStore& store, const std::string& fingerprint) {
  std::map<std::string, const TacticRecord*> fastest;
  for (const TacticRecord& r : store.tactics()) {
    if (r.bad || r.device != fingerprint || r.tactic.empty()) continue;
    if (!candidateOf(r)) continue;
    const TacticRecord*& slot = fastest[r.family + "\t" + r.problem];
    if (!slot || r.milliseconds < slot->milliseconds) slot = &r;
  }
  std::map<std::string, Class> classes;
  for (const auto& [_, r] : fastest) {
    const KernelFamily* family = findFamily(r->family.substr(0, r->family.find('/')));
    const DefaultLine line = coarseClass(*family, parseOpView(r->problem));
    Class& c = classes[line.text()];
    c.family = family, c.line = line;
    c.records.push_back(r);
  }
  return classes;
}

class DefaultsComparison {
 public:
  DefaultsComparison(CandidateRunner& runner, const Device& device) : runner_(runner), device_(device) {}

  // The tactic that is clearly faster than the family's own choice over the class, in milliseconds before and
  // after.
  struct Found {
    Tactic tactic;
    double before = 0, after = 0;
  };
  std::optional<Found> best(const Class& c) {
    std::vector<const TacticRecord*> records = c.records;
    std::stable_sort(records.begin(), records.end(),
                     [](const auto* a, const auto* b) { return a->milliseconds > b->milliseconds; });
    records.resize(std::min(records.size(), kMostProblems));
    std::vector<Tactic> tactics;
    for (const TacticRecord* r : records)
      if (const Tactic t = Tactic::parse(r->tactic);
          tactics.size() < kMostTactics && std::find(tactics.begin(), tactics.end(), t) == tactics.end())
        tactics.push_back(t);
    while (!tactics.empty()) {
      const auto found = fastest(c, records, tactics);
      if (!found) return std::nullopt;
      // Once more, alone with the family's own choice: the fastest of many is often so by noise.
      if (const auto again = fastest(c, records, {found->tactic})) return again;
      std::erase(tactics, found->tactic);
    }
    return std::nullopt;
  }

 private:
  std::optional<Found> fastest(const Class& c, const std::vector<const TacticRecord*>& records,
                               const std::vector<Tactic>& tactics) {
    std::vector<Found> sums;
    for (const Tactic& t : tactics) sums.push_back({t});
    std::vector<bool> harms(tactics.size());
    for (const TacticRecord* r : records) {
      const OpView view = parseOpView(r->problem);
      const DeviceCaps caps = capsFor(device_, view);
      const Problem problem = c.family->problem(view);
      const TacticSpace space = c.family->space(problem, caps);
      std::vector<Candidate> candidates{{c.family, view, c.family->fallback(problem, caps)}};
      std::vector<std::size_t> of{0};
      for (std::size_t i = 0; i < tactics.size(); ++i)
        if (space.contains(tactics[i]) && !(tactics[i] == candidates.front().tactic)) {
          candidates.push_back({c.family, view, tactics[i]});
          of.push_back(i);
        }
      const auto trials = runner_.run(candidates, 0, true);
      const auto usable = [](const Trial& t) {
        return t.outcome != Trial::Outcome::Wrong && t.milliseconds > 0;
      };
      if (trials.empty() || !usable(trials.front())) continue;
      const double own = trials.front().milliseconds;
      std::vector<double> ms(tactics.size(),
                             own);  // where a tactic does not fit, the family's own choice runs
      for (std::size_t i = 1; i < trials.size(); ++i) {
        if (!usable(trials[i])) harms[of[i]] = true;
        ms[of[i]] = trials[i].milliseconds;
      }
      for (std::size_t i = 0; i < tactics.size(); ++i) {
        sums[i].before += own, sums[i].after += ms[i];
        if (ms[i] > kHarmless * own) harms[i] = true;
      }
    }
    std::optional<Found> best;
    for (std::size_t i = 0; i < sums.size(); ++i)
      if (!harms[i] && sums[i].before > kClearly * sums[i].after &&
          (!best || sums[i].before / sums[i].after > best->before / best->after))
        best = sums[i];
    return best;
  }

  CandidateRunner& runner_;
  const Device& device_;
};

}  // namespace

Json exportDefaults(const RecordStore& store, const TuneArguments& a, const Device& device) {
  const auto classes = classesOf(store, device.caps().fingerprint());
  const auto runner = makeWorkerRunner({a.common.tuneWorker, device.caps().fingerprint()});
  DefaultsComparison comparison(*runner, device);
  Progress progress("comparing", classes.size(), "classes of problems");
  std::map<std::string, std::string> files;
  Json list = Json::array();
  for (const auto& [_, c] : classes) {
    const auto found = comparison.best(c);
    progress.advance();
    if (!found) continue;
    DefaultLine line = c.line;
    line.deviceClass = device.caps().classes().front();
    line.tactic = found->tactic;
    const Problem problem = c.family->problem(parseOpView(c.records.front()->problem));
    const DeviceCaps caps = capsFor(device, problem);
    const std::string source =
        c.family->plan(problem, c.family->fallback(problem, caps), caps).calls.at(0).source;
    files[source.substr(0, source.find('/'))] +=
        fmt::format("{}  # {:.2f}x on {} problem{}\n", line.text(), found->before / found->after,
                    c.records.size(), c.records.size() == 1 ? "" : "s");
    list.push_back({{"line", line.text()}, {"untuned_ms", found->before}, {"ms", found->after}});
  }
  for (const auto& [folder, text] : files) {
    const fs::path file = fs::path(a.defaultsFolder) / folder / "defaults.txt";
    fs::create_directories(file.parent_path());
    writeFile(file,
              "# Default tactics: device class, kernel family, operator, conditions -> tactic "
              "(docs/cache_and_plan_format.md).\n" +
                  text);
  }
  fmt::print(
      "{}: {} of {} classes of problems have a tactic that is clearly faster than untuned, in {} files\n",
      a.defaultsFolder, list.size(), classes.size(), files.size());
  return list;
}

}  // namespace tessera::app
