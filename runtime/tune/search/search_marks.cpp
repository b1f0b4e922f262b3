#include "tune/search/search_marks.hpp"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_set>

#include "clkernels/embedded.hpp"
#include "base/hex.hpp"
#include "tessera/log.hpp"
#include "tune/records/lines.hpp"

namespace tessera {
namespace {

constexpr const char* kSearchFamily = "search/1";  // of records that say a problem was searched
constexpr const char* kNetworkFamily =
    "network/1";  // of records that say nothing is left to search in a network

std::uint64_t hashOf(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

// Names a record by all but its time.
std::string nameOf(const TuneRecord& r) {
  return hexText(hashOf(r.family + "\t" + hexText(r.source) + "\t" + r.problem + "\t" + r.tactic));
}

// Takes a number off the front of `text`.
std::optional<double> takeNumber(std::string_view& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// What a search of a problem left, as the reason's field of its record.
struct SearchMark {
  bool found = false;  // some kernel was measured, and is right
  double cut = 0;      // seconds of the budget that ended the search; 0: it ended by itself

  std::string text() const {
    return std::string(found ? "found " : "") + (cut > 0 ? "cut " + exactText(cut) : "");
  }
  static SearchMark parse(std::string_view text) {
    SearchMark mark;
    mark.found = text.rfind("found", 0) == 0;
    if (const auto at = text.find("cut "); at != std::string_view::npos) {
      text.remove_prefix(at + 4);
      mark.cut = takeNumber(text).value_or(0);
    }
    return mark;
  }
};

}  // namespace

std::uint64_t SearchMarks::jobHash(const Job& job) const {
  std::uint64_t hash = 0;
  for (const Way& option : job.options)
    hash = hash * 31 + known_.sourceHash(*option.family, option.family->problem(option.view));
  return hash;
}

// Full is enough for Fast. A search that its budget cut off goes on where there is a larger one.
bool SearchMarks::coversMode(const std::string& mode, double cut) const {
  if (mode == toString(TuneMode::Full) && known_.mode() == TuneMode::Fast) return true;
  return mode == toString(known_.mode()) && (cut == 0 || cut >= budget_.total());
}

bool SearchMarks::searched(const Job& job) const {
  const auto hit = known_.store().best(job.planar.text(), kSearchFamily, jobHash(job));
  if (!hit || hit->match != RecordMatch::Exact) return false;
  const SearchMark mark = SearchMark::parse(hit->record.reason);
  return coversMode(hit->record.tactic, mark.cut) && (!mark.found || fastestOf(job));
}

std::optional<TuneRecord> SearchMarks::fastestOf(const Job& job) const {
  std::optional<TuneRecord> fastest;
  for (const Way& option : job.options)
    if (const auto known = known_.find(*option.family, option.view);
        known && known->match == RecordMatch::Exact &&
        (!fastest || known->record.milliseconds < fastest->milliseconds))
      fastest = known->record;
  return fastest;
}

void SearchMarks::markSearched(const Job& job) {
  const SearchMark mark{fastestOf(job).has_value(), job.cut ? budget_.total() : 0};
  // Full counts as the better of two searches.
  known_.add({kSearchFamily, jobHash(job), job.planar.text(), known_.caps().fingerprint(),
              std::string(toString(known_.mode())), known_.mode() == TuneMode::Full ? 1.0 : 2.0, false,
              mark.text()});
}

std::uint64_t SearchMarks::kernelsHash() const {
  if (kernelsHash_ != 0) return kernelsHash_;
  std::string text;
  for (const KernelFamily* family : allFamilies()) text += family->id().text() + "\n";
  for (const auto& [path, _] : embeddedFiles())
    if (path.ends_with(".cl")) text += kernelSource(path);
  return kernelsHash_ = hashOf(text);
}

// Every record that listing the problems would ask for must still be there, and good: one that was removed,
// or became bad, makes the problems be listed again.
bool SearchMarks::nothingOpen(const Graph& graph) const {
  const auto hit = known_.networkRecord(graph, kNetworkFamily, kernelsHash());
  if (!hit || hit->match != RecordMatch::Exact) return false;
  std::string_view rest = hit->record.reason;
  const auto budgetThen = takeNumber(rest);
  if (!budgetThen || !(*budgetThen > 0) || !coversMode(hit->record.tactic, *budgetThen)) return false;
  std::unordered_set<std::string> good;
  for (const TuneRecord& r : known_.store().records())
    if (!r.bad && r.device == known_.caps().fingerprint()) good.insert(nameOf(r));
  std::size_t names = 0;
  for (; !rest.empty(); ++names) {
    rest.remove_prefix(1);  // a blank
    const auto end = std::min(rest.find(' '), rest.size());
    if (!good.count(std::string(rest.substr(0, end)))) return false;
    rest.remove_prefix(end);
  }
  if (names == 0) return false;
  log().debug("tuning: nothing is left to search in '{}'", graph.name);
  return true;
}

void SearchMarks::noteNothingOpen(const Graph& graph, const std::vector<Job>& jobs) {
  std::string reason = exactText(budget_.total());
  for (const Job& job : jobs) {
    if (const auto mark = known_.store().best(job.planar.text(), kSearchFamily, jobHash(job)))
      reason += " " + nameOf(mark->record);
    if (const auto fastest = fastestOf(job)) reason += " " + nameOf(*fastest);
  }
  known_.addLatest({kNetworkFamily, kernelsHash(), networkKey(graph), known_.caps().fingerprint(),
                    std::string(toString(known_.mode())), 1, false, reason});
}

}  // namespace tessera
