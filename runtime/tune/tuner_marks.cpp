// What was searched before: records of problems, and of whole networks, whose problems then need not even be
// listed.
#include <spdlog/logger.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_set>

#include "clkernels/embedded.hpp"
#include "graph/hex.hpp"
#include "tessera/log.hpp"
#include "tune/lines.hpp"
#include "tune/tuner.hpp"

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

std::uint64_t Tuner::jobHash(const Job& job) const {
  std::uint64_t hash = 0;
  for (const Option& option : job.options)
    hash = hash * 31 + sourceHash(*option.family, option.family->problem(option.view));
  return hash;
}

// Full is enough for Fast. A search that its budget cut off goes on where there is a larger one.
bool Tuner::coversMode(const std::string& mode, double cut) const {
  if (mode == toString(TuneMode::Full) && options_.mode == TuneMode::Fast) return true;
  return mode == toString(options_.mode) && (cut == 0 || cut >= budget());
}

bool Tuner::searched(const Job& job) const {
  const auto hit = store_.best(job.planar.text(), kSearchFamily, jobHash(job));
  if (!hit || hit->match != RecordMatch::Exact) return false;
  const SearchMark mark = SearchMark::parse(hit->record.reason);
  return coversMode(hit->record.tactic, mark.cut) && (!mark.found || fastestOf(job));
}

std::optional<TuneRecord> Tuner::fastestOf(const Job& job) const {
  std::optional<TuneRecord> fastest;
  for (const Option& option : job.options)
    if (const auto known = find(*option.family, option.view);
        known && known->match == RecordMatch::Exact &&
        (!fastest || known->record.milliseconds < fastest->milliseconds))
      fastest = known->record;
  return fastest;
}

void Tuner::markSearched(const Job& job) {
  const SearchMark mark{fastestOf(job).has_value(), job.cut ? budget() : 0};
  // Full counts as the better of two searches.
  store_.add({kSearchFamily, jobHash(job), job.planar.text(), caps_.fingerprint(),
              std::string(toString(options_.mode)), options_.mode == TuneMode::Full ? 1.0 : 2.0, false,
              mark.text()});
}

std::uint64_t Tuner::kernelsHash() const {
  if (kernelsHash_ != 0) return kernelsHash_;
  std::string text;
  for (const KernelFamily* family : allFamilies()) text += family->id().text() + "\n";
  for (const auto& [path, _] : embeddedFiles())
    if (path.ends_with(".cl")) text += kernelSource(path);
  return kernelsHash_ = hashOf(text);
}

// Every record that listing the problems would ask for must still be there, and good: one that was removed,
// or became bad, makes the problems be listed again.
bool Tuner::nothingOpen(const Graph& graph) const {
  const auto hit = networkRecord(graph, kNetworkFamily, kernelsHash());
  if (!hit || hit->match != RecordMatch::Exact) return false;
  std::string_view rest = hit->record.reason;
  const auto budgetThen = takeNumber(rest);
  if (!budgetThen || !(*budgetThen > 0) || !coversMode(hit->record.tactic, *budgetThen)) return false;
  std::unordered_set<std::string> good;
  for (const TuneRecord& r : store_.records())
    if (!r.bad && r.device == caps_.fingerprint()) good.insert(nameOf(r));
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

void Tuner::noteNothingOpen(const Graph& graph, const std::vector<Job>& jobs) {
  std::string reason = exactText(budget());
  for (const Job& job : jobs) {
    if (const auto mark = store_.best(job.planar.text(), kSearchFamily, jobHash(job)))
      reason += " " + nameOf(mark->record);
    if (const auto fastest = fastestOf(job)) reason += " " + nameOf(*fastest);
  }
  recordLatest({kNetworkFamily, kernelsHash(), networkKey(graph), caps_.fingerprint(),
                std::string(toString(options_.mode)), 1, false, reason});
}

}  // namespace tessera
