#include "tune/search/search_marks.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "base/hex.hpp"
#include "clkernels/embedded.hpp"
#include "tessera/log.hpp"

namespace tessera {
// A search under a limit did not look at all that there is.
std::string SearchMarks::subjectOf(const Job& job) const { return job.planar.text() + known_.limit().key(); }

std::uint64_t SearchMarks::jobHash(const Job& job) const {
  std::uint64_t hash = 0;
  for (const Way& option : job.options)
    hash = hash * 31 + known_.sourceHash(*option.family, option.family->problem(option.view));
  return hash;
}

// Full is enough for Fast. A search that its budget cut off goes on where there is a larger one.
bool SearchMarks::covers(TuneMode mode, double budget) const {
  if (mode == TuneMode::Full && known_.mode() == TuneMode::Fast) return true;
  return mode == known_.mode() && (budget == 0 || budget >= budget_.total());
}

bool SearchMarks::searched(const Job& job) const {
  const auto mark = known_.store().note<SearchNote>(subjectOf(job), jobHash(job));
  return mark && mark->match == RecordMatch::Exact && covers(mark->note.mode, mark->note.budget) &&
         (!mark->note.found || fastestOf(job));
}

std::optional<TacticRecord> SearchMarks::fastestOf(const Job& job) const {
  std::optional<TacticRecord> fastest;
  for (const Way& option : job.options)
    if (const auto known = known_.find(*option.family, option.view);
        known && known->match == RecordMatch::Exact &&
        (!fastest || known->record.milliseconds < fastest->milliseconds))
      fastest = known->record;
  return fastest;
}

void SearchMarks::markSearched(const Job& job) {
  known_.note(subjectOf(job), jobHash(job),
              SearchNote{known_.mode(), job.cut ? budget_.total() : 0, fastestOf(job).has_value(), {}});
}

std::uint64_t SearchMarks::kernelsHash() const {
  if (kernelsHash_ != 0) return kernelsHash_;
  std::string text;
  for (const KernelFamily* family : allFamilies()) text += family->id().text() + "\n";
  for (const auto& [path, _] : embeddedFiles())
    if (path.ends_with(".cl")) text += kernelSource(path);
  return kernelsHash_ = textHash(text);
}

// Every record that listing the problems would ask for must still be there, and good: one that was removed,
// or became bad, makes the problems be listed again.
bool SearchMarks::nothingOpen(const Graph& graph) const {
  const auto mark = known_.store().note<SearchNote>(networkKey(graph) + known_.limit().key(), kernelsHash());
  if (!mark || mark->match != RecordMatch::Exact || mark->note.relies.empty()) return false;
  if (!(mark->note.budget > 0) || !covers(mark->note.mode, mark->note.budget)) return false;
  std::unordered_set<std::string> good;
  const std::string device = known_.caps().fingerprint();
  for (const TacticRecord& r : known_.store().tactics())
    if (!r.bad && r.device == device) good.insert(nameOf(r));
  for (const Note& n : known_.store().notes())
    if (n.device == device) good.insert(nameOf(n));
  if (!std::ranges::all_of(mark->note.relies, [&](const std::string& name) { return good.count(name) > 0; }))
    return false;
  log().debug("tuning: nothing is left to search in '{}'", graph.name);
  return true;
}

void SearchMarks::noteNothingOpen(const Graph& graph, const std::vector<Job>& jobs) {
  SearchNote note{known_.mode(), budget_.total(), true, {}};
  for (const Job& job : jobs) {
    note.relies.push_back(nameOf(Note{SearchNote::kKind, subjectOf(job), jobHash(job), {}, {}}));
    if (const auto fastest = fastestOf(job)) note.relies.push_back(nameOf(*fastest));
  }
  known_.note(networkKey(graph) + known_.limit().key(), kernelsHash(), note);
}

}  // namespace tessera
