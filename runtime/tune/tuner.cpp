// Records looked up while lowering.
#include "tune/tuner.hpp"

#include <xxhash.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <set>

#include "cl/program.hpp"
#include "clkernels/embedded.hpp"
#include "graph/hex.hpp"
#include "tessera/log.hpp"
#include "tune/problem.hpp"

namespace tessera {
namespace {
namespace fs = std::filesystem;

fs::path folderOf(const TuneOptions& options) {
  if (options.mode == TuneMode::Off) return {};
  return options.folder ? *options.folder : defaultCacheFolder();
}

constexpr const char* kRaceFamily = "race/1";  // of records that name the winner of a network's variants
constexpr const char* kFullRace = "full";      // the reason's field where Full let them race
// Names in records. Untuned: families, tactics and layouts without any record; the others are LayoutChoices.
constexpr std::pair<const char*, std::optional<LayoutChoice>> kVariants[] = {
    {"untuned", std::nullopt},
    {"estimated", LayoutChoice::Estimated},
    {"greedy", LayoutChoice::Greedy},
    {"planned", LayoutChoice::Planned}};

// Where `name` is in the table; its end where it is not.
auto variantNamed(const std::string& name) {
  return std::find_if(std::begin(kVariants), std::end(kVariants),
                      [&](const auto& v) { return v.first == name; });
}

constexpr std::pair<TuneMode, std::string_view> kModes[] = {
    {TuneMode::Off, "off"}, {TuneMode::Cached, "cached"}, {TuneMode::Fast, "fast"}, {TuneMode::Full, "full"}};

}  // namespace

std::string networkKey(const Graph& graph) {
  std::string text;
  for (const Layer& layer : graph.layers()) {
    text += layer.op + "{" + layer.attrs.text() + "}";
    for (const auto* ids : {&layer.inputs, &layer.outputs})
      for (const TensorId id : *ids)
        text += id == kNoTensor ? "-," : std::to_string(id) + ":" + graph.tensor(id).desc().text() + ",";
  }
  return "network " + hexText(XXH3_64bits(text.data(), text.size()));
}

std::string_view toString(TuneMode mode) {
  for (const auto& [value, name] : kModes)
    if (value == mode) return name;
  return "?";
}

TuneMode parseTuneMode(std::string_view text) {
  for (const auto& [value, name] : kModes)
    if (name == text) return value;
  throw Error(ErrorCode::InvalidArgument,
              "unknown tuning mode '" + std::string(text) + "': off, cached, fast or full");
}

Tuner::~Tuner() = default;

Tuner::Tuner(const Device& device, const DeviceCaps& caps, const TuneOptions& options,
             std::unique_ptr<CandidateRunner> runner)
    : device_(device),
      caps_(caps),
      options_(options),
      store_(folderOf(options), caps),
      defaults_(caps),
      runner_(std::move(runner)) {
  if (options.mode == TuneMode::Off) return;
  for (const TuneRecord& record : store_.records()) noteBad(record);
  if (options.shipped.empty()) return;
  std::ifstream in(options.shipped, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in)
    throw Error(ErrorCode::BadCache,
                "the tuning records in " + options.shipped.string() + " can not be read");
  const auto merged = store_.overlay(text);
  if (merged.all() == merged.foreign)
    log().warn("{}: none of its {} tuning records is of this device", options.shipped.string(), merged.all());
  log().debug("{}: {} tuning records, {} of tactics with records of their own, {} of other devices",
              options.shipped.string(), merged.taken, merged.known, merged.foreign);
}

std::uint64_t Tuner::sourceHash(const KernelFamily& family, const Problem& problem) const {
  const auto [known, first] = problemHashes_.emplace(family.id().text() + " " + problem.text(), 0);
  std::uint64_t& hash = known->second;
  if (!first) return hash;
  for (const KernelCall& call : family.plan(problem, family.fallback(problem, caps_), caps_).calls) {
    if (!call.library.empty()) continue;
    auto [it, fresh] = sourceHashes_.emplace(call.source, 0);
    if (fresh) {
      const std::string text = kernelSource(call.source);
      it->second = XXH3_64bits(text.data(), text.size());
    }
    hash = hash * 31 + it->second;
  }
  return hash;
}

std::optional<TacticsStore::Hit> Tuner::find(const KernelFamily& family, const OpView& view) const {
  if (options_.mode == TuneMode::Off || store_.size() == 0) return std::nullopt;
  const Problem problem = family.problem(denseView(view));
  auto hit = store_.best(problem.text(), family.id().text(), sourceHash(family, problem));
  if (!hit) return std::nullopt;
  try {
    if (offers(family, family.problem(view), Tactic::parse(hit->record.tactic))) return hit;
    log().debug("record of {} is not in its space any more: {}", family.id().text(), hit->record.tactic);
  } catch (const Error& e) {
    log().debug("record of {} is no tactic: {}", family.id().text(), e.what());
  }
  return std::nullopt;
}

bool Tuner::offers(const KernelFamily& family, const Problem& problem, const Tactic& tactic) const {
  return family.space(problem, caps_).contains(tactic) || tactic == family.fallback(problem, caps_);
}

bool Tuner::isBad(const KernelFamily& family, const OpView& view, const Tactic& tactic) const {
  const Problem problem = family.problem(denseView(view));
  const auto bad = store_.bad(problem.text(), family.id().text(), sourceHash(family, problem));
  return std::find(bad.begin(), bad.end(), tactic.text()) != bad.end();
}

Tactic Tuner::choose(const KernelFamily& family, const Problem& problem) {
  if (const auto hit = find(family, problem)) {
    ++report_.problems;
    ++(hit->match == RecordMatch::Exact ? report_.exact : report_.stale);
    return Tactic::parse(hit->record.tactic);
  }
  return untunedTactic(family, problem);
}

Tactic Tuner::untunedTactic(const KernelFamily& family, const Problem& problem) {
  ++report_.problems;
  if (auto tactic = defaultTactic(family, problem)) {
    ++report_.defaults;
    return *std::move(tactic);
  }
  ++report_.fallback;
  return family.fallback(problem, caps_);
}

std::optional<Tactic> Tuner::defaultTactic(const KernelFamily& family, const Problem& problem) const {
  const auto offered = defaults_.of(family, problem);
  if (offered.empty() || store_.size() == 0)
    return offered.empty() ? std::nullopt : std::optional(offered.front());
  for (const Tactic& tactic : offered)
    if (!isBad(family, problem, tactic)) return tactic;
  return std::nullopt;
}

std::optional<double> Tuner::seconds(const KernelFamily& family, const OpView& view) const {
  const auto hit = find(family, view);
  if (hit && hit->record.milliseconds > 0) return hit->record.milliseconds * 1e-3;
  return fails(family, view) ? std::optional(std::numeric_limits<double>::infinity()) : std::nullopt;
}

bool Tuner::fails(const KernelFamily& family, const OpView& view) const {
  return !failing_.empty() && failing_.count(family.id().text() + " " + planarView(view).text());
}

void Tuner::noteBad(const TuneRecord& record) {
  const KernelFamily* family = findFamily(record.family.substr(0, record.family.find('/')));
  if (!record.bad || !family || family->id().text() != record.family || record.device != caps_.fingerprint())
    return;
  try {
    const OpView view = parseOpView(record.problem);
    const Problem problem = family->problem(view);
    if (family->applies(view, caps_) && sourceHash(*family, problem) == record.source &&
        family->fallback(problem, caps_).text() == record.tactic)
      failing_.insert(record.family + " " + planarView(view).text());
  } catch (const Error& e) {
    log().debug("a record is not understood: {}", e.what());
  }
}

void Tuner::forgetChoices() {
  report_.problems = report_.exact = report_.stale = report_.defaults = report_.fallback = 0;
}

bool Tuner::hasRaced(const Graph& graph) const {
  const auto won = networkRecord(graph, kRaceFamily);
  return won && won->match == RecordMatch::Exact;
}

Lowered Tuner::lowerAs(const Graph& graph, const std::string& variant) {
  forgetChoices();
  const std::optional<LayoutChoice> layouts = variantNamed(variant)->second;
  const bool untuned = !layouts;
  const TacticChooser chooser = [&](const KernelFamily& family, const Problem& problem) {
    return untuned ? untunedTactic(family, problem) : choose(family, problem);
  };
  const TimeSource times = [&](const KernelFamily& family, const OpView& view) -> std::optional<double> {
    if (!untuned) return seconds(family, view);
    return fails(family, view) ? std::optional(std::numeric_limits<double>::infinity()) : std::nullopt;
  };
  return lowerGraph(graph, caps_, chooser, times, layouts.value_or(LayoutChoice::Greedy));
}

Lowered Tuner::lower(const Graph& graph) {
  if (options_.mode == TuneMode::Off || store_.size() == 0) return lowerAs(graph, "untuned");
  const auto won = networkRecord(graph, kRaceFamily);
  if (won && won->record.tactic == kKept)
    if (const auto kept = keptOnRecord(graph))
      if (auto lowered = lowerKept(graph, *kept)) return std::move(*lowered);
  if (won && variantNamed(won->record.tactic) != std::end(kVariants))
    return lowerAs(graph, won->record.tactic);
  const TimeSource times = [this](const KernelFamily& family, const OpView& view) {
    return seconds(family, view);
  };
  std::optional<Variant> best;
  double least = 0;
  for (const auto& [name, layouts] : kVariants) {
    if (!layouts) continue;
    Lowered lowered = lowerAs(graph, name);
    const double seconds = predictSeconds(lowered, caps_, times);
    log().debug("layouts {}: {:.3f} ms", name, seconds * 1e3);
    if (best && seconds >= least) continue;
    best = Variant{name, std::move(lowered), report_};
    least = seconds;
  }
  report_ = best->report;
  return std::move(best->lowered);
}

std::vector<Tuner::Variant> Tuner::variants(const Graph& graph) {
  std::vector<Variant> variants;
  if (!searches(options_.mode)) return variants;
  // Full has more rounds than Fast, which may have decided.
  if (const auto won = networkRecord(graph, kRaceFamily);
      won && won->match == RecordMatch::Exact && report_.candidates == 0 &&
      (options_.mode == TuneMode::Fast || won->record.reason == kFullRace))
    return variants;
  std::set<std::string> texts;
  for (const auto& [name, _] : kVariants) {
    Lowered lowered = lowerAs(graph, name);
    if (texts.insert(lowered.text()).second) variants.push_back({name, std::move(lowered), report_});
  }
  // What an earlier race found may be the fastest still. It goes first: the others must beat it.
  if (const auto before = before_.find(networkKey(graph)); before != before_.end())
    if (auto lowered = lowerKept(graph, before->second); lowered && texts.insert(lowered->text()).second)
      variants.insert(variants.begin(), Variant{kKept, std::move(*lowered), report_});
  return variants;
}

void Tuner::recordWinner(const Graph& graph, const Variant& winner, double milliseconds) {
  report_ = winner.report;
  if (winner.name == kKept) recordKept(graph, before_.at(networkKey(graph)));
  recordLatest({kRaceFamily, 0, networkKey(graph), caps_.fingerprint(), winner.name, milliseconds, false,
                options_.mode == TuneMode::Full ? kFullRace : ""});
}

void Tuner::savePrograms(const Lowered& lowered) {
  const fs::path folder = folderOf(options_);
  if (!runner_ || folder.empty() || elapsed() > budget()) return;  // they only save time later
  std::vector<Candidate> kernels;
  std::set<ProgramSource> known;
  for (const Step& step : lowered.steps) {
    bool fresh = false;
    for (const KernelCall& call : step.launch.calls) fresh |= known.insert(ProgramSource::of(call)).second;
    // With its own scales, which may be literals of its program.
    if (fresh) kernels.push_back({step.family, withDenseLayouts(step.view), step.tactic});
  }
  runner_->save(kernels, folder);
}

std::optional<TacticsStore::Hit> Tuner::networkRecord(const Graph& graph, const char* family,
                                                      std::uint64_t source) const {
  return store_.best(networkKey(graph), family, source);
}

// The latest race counts: an earlier one, which was run with other tactics, may have been faster by noise.
void Tuner::recordLatest(TuneRecord made) {
  const auto earlier = store_.best(made.problem, made.family, made.source);
  if (earlier && earlier->match == RecordMatch::Exact)
    made.milliseconds = std::min(made.milliseconds, earlier->record.milliseconds * 0.999);
  store_.add(made);
}

}  // namespace tessera
