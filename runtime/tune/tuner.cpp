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

// Untuned: families, tactics and layouts without any record; the others are LayoutChoices.
constexpr std::pair<const char*, std::optional<LayoutChoice>> kVariants[] = {
    {"untuned", std::nullopt},
    {"estimated", LayoutChoice::Estimated},
    {"greedy", LayoutChoice::Greedy},
    {"planned", LayoutChoice::Planned}};

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
    if (offers(family, family.problem(view), Tactic::parse(hit->record.tactic), caps_)) return hit;
    log().debug("record of {} is not in its space any more: {}", family.id().text(), hit->record.tactic);
  } catch (const Error& e) {
    log().debug("record of {} is no tactic: {}", family.id().text(), e.what());
  }
  return std::nullopt;
}

bool Tuner::isBad(const KernelFamily& family, const OpView& view, const Tactic& tactic) const {
  const Problem problem = family.problem(denseView(view));
  const auto bad = store_.bad(problem.text(), family.id().text(), sourceHash(family, problem));
  return std::find(bad.begin(), bad.end(), tactic.text()) != bad.end();
}

Tactic Tuner::choose(const KernelFamily& family, const Problem& problem, TacticSources& sources) const {
  const auto hit = find(family, problem);
  if (!hit) return untunedTactic(family, problem, sources);
  ++sources.problems;
  ++(hit->match == RecordMatch::Exact ? sources.exact : sources.stale);
  return Tactic::parse(hit->record.tactic);
}

Tactic Tuner::untunedTactic(const KernelFamily& family, const Problem& problem,
                            TacticSources& sources) const {
  ++sources.problems;
  if (auto tactic = defaultTactic(family, problem)) {
    ++sources.defaults;
    return *std::move(tactic);
  }
  ++sources.fallback;
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

TuneReport Tuner::report(const TacticSources& sources) const {
  TuneReport whole = report_;
  whole.problems = sources.problems, whole.exact = sources.exact, whole.stale = sources.stale;
  whole.defaults = sources.defaults, whole.fallback = sources.fallback;
  return whole;
}

ChosenRecipe Tuner::choose(const Graph& graph, std::optional<LayoutChoice> layouts,
                           TacticSources& sources) const {
  const TacticChooser tactics = [&](const KernelFamily& family, const Problem& problem) {
    return layouts ? choose(family, problem, sources) : untunedTactic(family, problem, sources);
  };
  const TimeSource times = [&](const KernelFamily& family, const OpView& view) -> std::optional<double> {
    if (layouts) return seconds(family, view);
    return fails(family, view) ? std::optional(std::numeric_limits<double>::infinity()) : std::nullopt;
  };
  return chooseRecipe(graph, caps_, tactics, times, layouts.value_or(LayoutChoice::Greedy));
}

Tuner::Found Tuner::foundBy(const Graph& graph, Recipe recipe, TacticSources sources) const {
  Lowered lowered = lowerGraph(graph, caps_, recipe);
  return {std::move(recipe), std::move(lowered), sources};
}

Tuner::Found Tuner::lower(const Graph& graph) const {
  TacticSources sources;
  if (options_.mode == TuneMode::Off || store_.size() == 0) {
    ChosenRecipe chosen = choose(graph, std::nullopt, sources);
    return foundBy(graph, std::move(chosen.recipe), sources);
  }
  if (auto found = foundOnRecord(graph)) return *std::move(found);
  std::optional<ChosenRecipe> best;
  for (const auto& [name, layouts] : kVariants) {
    if (!layouts) continue;
    TacticSources its;
    ChosenRecipe chosen = choose(graph, layouts, its);
    log().debug("layouts {}: {:.3f} ms", name, chosen.seconds * 1e3);
    if (best && chosen.seconds >= best->seconds) continue;
    best = std::move(chosen);
    sources = its;
  }
  return foundBy(graph, std::move(best->recipe), sources);
}

std::vector<Tuner::Variant> Tuner::variants(const Graph& graph) const {
  std::vector<Variant> variants;
  if (!searches(options_.mode) || (report_.candidates == 0 && raceIsWon(graph))) return variants;
  const auto add = [&](const char* name, Recipe recipe, const TacticSources& sources) {
    const auto same = [&](const Variant& v) { return v.found.recipe == recipe; };
    if (std::ranges::none_of(variants, same))
      variants.push_back({name, foundBy(graph, std::move(recipe), sources)});
  };
  // What an earlier race found may be the fastest still. It goes first: the others must beat it.
  if (const auto before = before_.find(networkKey(graph)); before != before_.end()) {
    const std::size_t steps = before->second.steps.size();
    if (auto lowered = lowerBy(graph, before->second))
      variants.push_back({kKept, {before->second, *std::move(lowered), {steps, steps}}});
  }
  for (const auto& [name, layouts] : kVariants) {
    TacticSources sources;
    ChosenRecipe chosen = choose(graph, layouts, sources);
    add(name, std::move(chosen.recipe), sources);
  }
  return variants;
}

void Tuner::savePrograms(const Lowered& lowered) {
  const fs::path folder = folderOf(options_);
  if (!runner_ || folder.empty()) return;
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
