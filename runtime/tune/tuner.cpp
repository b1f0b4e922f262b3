// Records looked up while lowering.
#include "tune/tuner.hpp"

#include <xxhash.h>

#include <fstream>

#include "clkernels/embedded.hpp"
#include "tessera/log.hpp"
#include "tune/problem.hpp"

namespace tessera {
namespace {
namespace fs = std::filesystem;

fs::path folderOf(const TuneOptions& options) {
  if (options.mode == TuneMode::Off) return {};
  return options.folder ? *options.folder : defaultCacheFolder();
}

constexpr std::pair<TuneMode, std::string_view> kModes[] = {
    {TuneMode::Off, "off"}, {TuneMode::Cached, "cached"}, {TuneMode::Fast, "fast"}, {TuneMode::Full, "full"}};

}  // namespace

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
      runner_(std::move(runner)) {
  if (options.mode == TuneMode::Off || options.shipped.empty()) return;
  std::ifstream in(options.shipped, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in)
    throw Error(ErrorCode::BadCache,
                "the tuning records in " + options.shipped.string() + " can not be read");
  const std::size_t count = store_.overlay(text);
  log().debug("{}: {} tuning records", options.shipped.string(), count);
}

std::uint64_t Tuner::sourceHash(const KernelFamily& family, const Problem& problem) const {
  std::uint64_t hash = 0;
  for (const KernelCall& call : family.plan(problem, family.fallback(problem, caps_), caps_).calls) {
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
    const Problem real = family.problem(view);
    const Tactic tactic = Tactic::parse(hit->record.tactic);
    if (family.space(real, caps_).contains(tactic) || tactic == family.fallback(real, caps_)) return hit;
    log().debug("record of {} is not in its space any more: {}", family.id().text(), hit->record.tactic);
  } catch (const Error& e) {
    log().debug("record of {} is no tactic: {}", family.id().text(), e.what());
  }
  return std::nullopt;
}

Tactic Tuner::choose(const KernelFamily& family, const Problem& problem) {
  ++report_.problems;
  if (const auto hit = find(family, problem)) {
    ++(hit->match == RecordMatch::Exact ? report_.exact : report_.stale);
    return Tactic::parse(hit->record.tactic);
  }
  ++report_.fallback;
  return family.fallback(problem, caps_);
}

std::optional<double> Tuner::seconds(const KernelFamily& family, const OpView& view) const {
  const auto hit = find(family, view);
  if (!hit || !(hit->record.milliseconds > 0)) return std::nullopt;
  return hit->record.milliseconds * 1e-3;
}

Lowered Tuner::lower(const Graph& graph) {
  const TacticChooser chooser = [this](const KernelFamily& family, const Problem& problem) {
    return choose(family, problem);
  };
  const auto counted = [&](const TimeSource& times, LayoutChoice layouts) {
    report_.problems = report_.exact = report_.stale = report_.defaults = report_.fallback = 0;
    return lowerGraph(graph, caps_, chooser, times, layouts);
  };
  if (options_.mode == TuneMode::Off || store_.size() == 0) return counted({}, LayoutChoice::Greedy);
  const TimeSource times = [this](const KernelFamily& family, const OpView& view) {
    return seconds(family, view);
  };
  Lowered greedy = counted(times, LayoutChoice::Greedy);
  const double greedySeconds = predictSeconds(greedy, caps_, times);
  const TuneReport greedyReport = report_;
  Lowered planned = counted(times, LayoutChoice::Planned);
  const double plannedSeconds = predictSeconds(planned, caps_, times);
  log().debug("layouts: {:.3f} ms planned, {:.3f} ms layer by layer", plannedSeconds * 1e3,
              greedySeconds * 1e3);
  if (plannedSeconds < greedySeconds) return planned;
  report_ = greedyReport;
  return greedy;
}

}  // namespace tessera
