// What is known of single problems.
#include "tune/look_up.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <limits>

#include "base/hex.hpp"
#include "base/read_file.hpp"
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

TuneOptions withoutLimit(TuneOptions options) {
  options.workspaceLimit.reset();
  return options;
}

constexpr std::pair<TuneMode, std::string_view> kModes[] = {{TuneMode::Off, "off"},
                                                            {TuneMode::Cached, "cached"},
                                                            {TuneMode::Fast, "fast"},
                                                            {TuneMode::Full, "full"},
                                                            {TuneMode::Background, "background"}};

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
              "unknown tuning mode '" + std::string(text) + "': off, cached, fast, full or background");
}

LookUp::LookUp(const DeviceCaps& caps, const TuneOptions& options)
    : caps_(caps),
      options_(withoutLimit(options)),
      mode_(options.mode),
      limit_(options.workspaceLimit),
      store_(folderOf(options), caps),
      defaults_(caps) {
  if (mode_ == TuneMode::Off) return;
  for (const TacticRecord& record : store_.tactics()) noteBad(record);
  if (!options.shipped.empty()) takeShipped(options.shipped);
}

void LookUp::takeShipped(const fs::path& file) {
  const FileContent shipped = readRegularFile(file);
  if (!shipped.ok())
    throw Error(ErrorCode::BadCache,
                "the tuning records in " + file.string() + " can not be read: " + shipped.why);
  const auto merged = store_.overlay(shipped.bytes);
  if (merged.all() == merged.foreign)
    log().warn("{}: none of its {} tuning records is of this device", file.string(), merged.all());
  log().debug("{}: {} tuning records, {} of tactics with records of their own, {} of other devices",
              file.string(), merged.taken, merged.known, merged.foreign);
}

// Over the whole text of each program: its prologue may be generated, and its options may change the code.
std::uint64_t LookUp::sourceHash(const KernelFamily& family, const Problem& problem) const {
  const auto [known, fresh] = problemHashes_.emplace(family.id().text() + " " + problem.text(), 0);
  if (!fresh) return known->second;
  std::string text;
  for (const KernelCall& call : family.plan(problem, family.fallback(problem, caps_), caps_).calls)
    if (call.library.empty()) text += call.options + "\n" + call.prologue + "\n" + kernelSource(call.source);
  return known->second = textHash(text);
}

// Of those within the limit, where there is one.
std::optional<RecordStore::Hit> LookUp::bestRecord(const KernelFamily& family, const OpView& view) const {
  const Problem problem = family.problem(denseView(view));
  const std::uint64_t source = sourceHash(family, problem);
  if (!limit_.limits()) return store_.best(problem.text(), family.id().text(), source);
  const Problem own = family.problem(view);
  return store_.best(problem.text(), family.id().text(), source, [&](const TacticRecord& record) {
    try {
      const Tactic tactic = Tactic::parse(record.tactic);
      return offers(family, own, tactic, caps_) && limit_.allows(family, own, tactic, caps_);
    } catch (const Error&) {
      return false;
    }
  });
}

std::optional<RecordStore::Hit> LookUp::find(const KernelFamily& family, const OpView& view) const {
  if (mode_ == TuneMode::Off || store_.size() == 0) return std::nullopt;
  auto hit = bestRecord(family, view);
  if (!hit) return std::nullopt;
  try {
    if (offers(family, family.problem(view), Tactic::parse(hit->record.tactic), caps_)) return hit;
    warnOnce("tuning: a record of " + family.id().text() + " is not used: it does not offer '" +
             hit->record.tactic + "' any more");
  } catch (const Error& e) {
    warnOnce("tuning: a record of " + family.id().text() + " is not used: " + e.what());
  }
  return std::nullopt;
}

void LookUp::warnOnce(const std::string& text) const {
  if (warned_.insert(text).second) log().warn("{}", text);
}

bool LookUp::isBad(const KernelFamily& family, const OpView& view, const Tactic& tactic) const {
  const Problem problem = family.problem(denseView(view));
  const auto bad = store_.bad(problem.text(), family.id().text(), sourceHash(family, problem));
  return std::find(bad.begin(), bad.end(), tactic.text()) != bad.end();
}

Tactic LookUp::choose(const KernelFamily& family, const Problem& problem, TacticSources& sources) const {
  const auto hit = find(family, problem);
  if (!hit) return untuned(family, problem, sources);
  ++sources.problems;
  ++(hit->match == RecordMatch::Exact ? sources.exact : sources.stale);
  return Tactic::parse(hit->record.tactic);
}

Tactic LookUp::untuned(const KernelFamily& family, const Problem& problem, TacticSources& sources) const {
  ++sources.problems;
  if (auto tactic = defaultTactic(family, problem)) {
    ++sources.defaults;
    return *std::move(tactic);
  }
  ++sources.fallback;
  return ownTactic(family, problem);
}

Tactic LookUp::ownTactic(const KernelFamily& family, const Problem& problem) const {
  Tactic own = family.fallback(problem, caps_);
  if (!limit_.limits()) return own;
  const auto accepts = [&](const Tactic& tactic) {
    return store_.size() == 0 || !isBad(family, problem, tactic);
  };
  return limit_.nearest(family, problem, own, caps_, accepts).value_or(own);
}

Verdict LookUp::offered(const KernelFamily& family, const OpView& view, bool byRecords) const {
  if (!limit_.limits()) return Verdict::yes();
  const Problem problem = family.problem(view);
  TacticSources unused;
  const Tactic tactic = byRecords ? choose(family, problem, unused) : untuned(family, problem, unused);
  const std::size_t bytes = workspaceOf(family.plan(problem, tactic, caps_));
  return limit_.allows(bytes) ? Verdict::yes() : Verdict::no("its kernels take " + limit_.refusal(bytes));
}

Tactic LookUp::untuned(const KernelFamily& family, const Problem& problem) const {
  TacticSources sources;
  return untuned(family, problem, sources);
}

std::optional<Tactic> LookUp::defaultTactic(const KernelFamily& family, const Problem& problem) const {
  auto offered = defaults_.of(family, problem);
  std::erase_if(offered, [&](const Tactic& t) { return !limit_.allows(family, problem, t, caps_); });
  if (offered.empty() || store_.size() == 0)
    return offered.empty() ? std::nullopt : std::optional(offered.front());
  for (const Tactic& tactic : offered)
    if (!isBad(family, problem, tactic)) return tactic;
  return std::nullopt;
}

std::optional<double> LookUp::seconds(const KernelFamily& family, const OpView& view) const {
  const auto hit = find(family, view);
  if (hit && hit->record.milliseconds > 0) return hit->record.milliseconds * 1e-3;
  return fails(family, view) ? std::optional(std::numeric_limits<double>::infinity()) : std::nullopt;
}

bool LookUp::fails(const KernelFamily& family, const OpView& view) const {
  return !failing_.empty() && failing_.count(family.id().text() + " " + planarView(view).text());
}

void LookUp::noteBad(const TacticRecord& record) {
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

std::string LookUp::stepName(const KernelFamily& family, const OpView& view) const {
  const Problem problem = family.problem(denseView(view));
  return hexText(
      textHash(family.id().text() + "\t" + hexText(sourceHash(family, problem)) + "\t" + problem.text()));
}

void LookUp::add(const TacticRecord& record) {
  store_.add(record);
  noteBad(record);
}

}  // namespace tessera
