// Printing and checking records, and the device's ceilings.
#include <spdlog/fmt/fmt.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <map>

#include "apps/common/progress.hpp"
#include "apps/tessera-tune/commands.hpp"
#include "tessera/log.hpp"

namespace tessera::app {
namespace {

constexpr double kSlower = 1.25;  // times the record: its device has changed

std::string familyName(const std::string& family) { return family.substr(0, family.find('/')); }

}  // namespace

Json showRoofline(const Device& device) {
  fmt::print("{}\n{:<28}{:>14}  {}\n", device.caps().name, "ceiling", "measured", "unit");
  Json json = Json::array();
  for (const RooflineEntry& entry : measureRoofline(device)) {
    if (entry.value > 0)
      fmt::print("{:<28}{:>14.1f}  {}\n", entry.name, entry.value, entry.unit);
    else
      fmt::print("{:<28}{:>14}  {}\n", entry.name, "-", entry.why.substr(0, entry.why.find('\n')));
    json.push_back({{"name", entry.name}, {"value", entry.value}, {"unit", entry.unit}, {"why", entry.why}});
  }
  return json;
}

std::optional<Candidate> candidateOf(const TacticRecord& record) {
  const KernelFamily* family = findFamily(familyName(record.family));
  if (!family || family->id().text() != record.family) return std::nullopt;
  try {
    return Candidate{family, parseOpView(record.problem), Tactic::parse(record.tactic)};
  } catch (const Error& e) {
    log().debug("the record of {} on '{}' is not understood: {}", record.family, record.problem, e.what());
    return std::nullopt;
  }
}

Json showRecords(const RecordStore& store) {
  // The best of each problem and family, and every bad one.
  std::map<std::string, const TacticRecord*> best;
  std::vector<const TacticRecord*> shown;
  for (const TacticRecord& r : store.tactics()) {
    if (r.bad) {
      shown.push_back(&r);
      continue;
    }
    const TacticRecord*& slot =
        best[r.problem + "\t" + r.family + "\t" + r.device + "\t" + std::to_string(r.source)];
    if (!slot || r.milliseconds < slot->milliseconds) slot = &r;
  }
  for (const auto& [_, r] : best) shown.push_back(r);
  std::stable_sort(shown.begin(), shown.end(), [](const TacticRecord* a, const TacticRecord* b) {
    return std::tie(a->problem, a->bad, a->milliseconds) < std::tie(b->problem, b->bad, b->milliseconds);
  });
  Json json = Json::array();
  fmt::print("{:<20}{:>10}  {:<44} {}\n", "family", "ms", "tactic", "problem");
  for (const TacticRecord* r : shown) {
    fmt::print("{:<20}{:>10}  {:<44} {}\n", familyName(r->family),
               r->bad ? "bad" : fmt::format("{:.4f}", r->milliseconds),
               r->bad ? r->tactic + " (" + r->reason.substr(0, 60) + ")" : r->tactic, r->problem);
    json.push_back({{"family", r->family},
                    {"problem", r->problem},
                    {"tactic", r->tactic},
                    {"ms", r->milliseconds},
                    {"bad", r->bad},
                    {"reason", r->reason},
                    {"device", r->device}});
  }
  const auto searched = std::ranges::count(store.notes(), SearchNote::kKind, &Note::kind);
  fmt::print("{} records, {} searches; {}\n", shown.size(), searched,
             store.file().empty() ? "no cache folder" : store.file().string());
  return json;
}

bool verifyRecords(RecordStore& store, const TuneArguments& a, const Device& device, Json& json) {
  std::vector<TacticRecord> records;
  for (const TacticRecord& r : store.tactics())
    if (!r.bad && r.device == device.caps().fingerprint()) records.push_back(r);
  std::stable_sort(records.begin(), records.end(),
                   [](const TacticRecord& x, const TacticRecord& y) { return x.problem < y.problem; });
  const auto runner = makeWorkerRunner({a.common.tuneWorker, device.caps().fingerprint()});
  std::size_t right = 0, wrong = 0, slower = 0, unknown = 0;
  Progress progress("verifying", records.size(), "records");
  for (const TacticRecord& record : records) {
    progress.advance();
    const auto candidate = candidateOf(record);
    if (!candidate) {
      ++unknown;
      continue;
    }
    const Trial trial = runner->run({*candidate}, 0, true).at(0);
    if (trial.outcome == Trial::Outcome::Good) {
      ++right;
      if (trial.milliseconds <= kSlower * record.milliseconds) continue;
      ++slower;
      log().info("{} {} on {}: {:.4f} ms, recorded {:.4f} ms", record.family, record.tactic, record.problem,
                 trial.milliseconds, record.milliseconds);
    } else {
      ++wrong;
      fmt::print("wrong: {} {} on {}: {}\n", record.family, record.tactic, record.problem, trial.reason);
      TacticRecord bad = record;
      bad.bad = true, bad.milliseconds = 0, bad.reason = trial.reason;
      store.add(bad);
    }
  }
  fmt::print("{} records right, {} of them slower than recorded; {} wrong; {} of other versions\n", right,
             slower, wrong, unknown);
  json = {{"right", right}, {"slower", slower}, {"wrong", wrong}, {"other_versions", unknown}};
  return wrong == 0;
}

}  // namespace tessera::app
