// A network as it ran before a search, kept whole where it stays the fastest: single records may have changed
// since.
#include <spdlog/logger.h>
#include <xxhash.h>

#include <algorithm>
#include <limits>

#include "graph/hex.hpp"
#include "tessera/log.hpp"
#include "tune/problem.hpp"
#include "tune/tuner.hpp"

namespace tessera {
namespace {

constexpr const char* kKeptFamily =
    "kept/1";  // of records that hold the kernels and tactics of a whole network

constexpr std::pair<LayoutChoice, const char*> kLayouts[] = {{LayoutChoice::Planned, "planned"},
                                                             {LayoutChoice::Greedy, "greedy"},
                                                             {LayoutChoice::Estimated, "estimated"}};

const char* nameOf(LayoutChoice choice) {
  return std::find_if(std::begin(kLayouts), std::end(kLayouts),
                      [&](const auto& l) { return l.first == choice; })
      ->second;
}

std::string textHash(std::string_view text) { return hexText(XXH3_64bits(text.data(), text.size())); }

}  // namespace

std::string Tuner::stepName(const KernelFamily& family, const OpView& view) const {
  const Problem problem = family.problem(denseView(view));
  return textHash(family.id().text() + "\t" + hexText(sourceHash(family, problem)) + "\t" + problem.text());
}

Tuner::KeptNetwork Tuner::keptFrom(const Lowered& lowered, LayoutChoice layouts) const {
  KeptNetwork kept{layouts, textHash(lowered.text()), {}};
  for (const Step& step : lowered.steps) kept.tactics[stepName(*step.family, step.view)] = step.tactic.text();
  return kept;
}

std::optional<Lowered> Tuner::lowerFrom(const Graph& graph, const KeptNetwork& kept) {
  forgetChoices();
  const TacticChooser chooser = [&](const KernelFamily& family, const Problem& problem) {
    const auto known = kept.tactics.find(stepName(family, problem));
    if (known == kept.tactics.end()) return choose(family, problem);
    const Tactic tactic = Tactic::parse(known->second);
    if (!offers(family, problem, tactic) || isBad(family, problem, tactic)) return choose(family, problem);
    ++report_.problems, ++report_.exact;
    return tactic;
  };
  // What was taken costs next to nothing, everything else too much.
  const TimeSource times = [&](const KernelFamily& family, const OpView& view) -> std::optional<double> {
    return kept.tactics.count(stepName(family, view)) ? 1e-9 : std::numeric_limits<double>::infinity();
  };
  try {
    return lowerGraph(graph, caps_, chooser, times, kept.layouts);
  } catch (const Error& e) {
    log().debug("a kept network can not be lowered: {}", e.what());
  }
  return std::nullopt;
}

std::optional<Lowered> Tuner::lowerKept(const Graph& graph, const KeptNetwork& kept) {
  auto lowered = lowerFrom(graph, kept);
  if (lowered && textHash(lowered->text()) == kept.text) return lowered;
  log().debug("tuning: '{}' can not be lowered as it was kept", graph.name);
  return std::nullopt;
}

std::optional<Tuner::KeptNetwork> Tuner::keptOnRecord(const Graph& graph) const {
  const auto hit = networkRecord(graph, kKeptFamily);
  if (!hit) return std::nullopt;
  const std::string_view reason = hit->record.reason;
  KeptNetwork kept;
  for (const auto& [layouts, name] : kLayouts)
    if (hit->record.tactic == name) kept.layouts = layouts;
  for (std::size_t at = 0; at < reason.size();) {
    const auto end = std::min(reason.find(' ', at), reason.size());
    const std::string_view word = reason.substr(at, end - at);
    if (at == 0)
      kept.text = word;
    else if (const auto colon = word.find(':'); colon != std::string_view::npos)
      kept.tactics.emplace(word.substr(0, colon), word.substr(colon + 1));
    at = end + 1;
  }
  return kept;
}

void Tuner::recordKept(const Graph& graph, const KeptNetwork& kept) {
  std::string reason = kept.text;
  for (const auto& [name, tactic] : kept.tactics) reason += " " + name + ":" + tactic;
  recordLatest(
      {kKeptFamily, 0, networkKey(graph), caps_.fingerprint(), nameOf(kept.layouts), 1, false, reason});
}

// A lowered network, if it can be lowered kernel by kernel.
std::optional<Tuner::KeptNetwork> Tuner::keepable(const Graph& graph, const Lowered& lowered) {
  for (const LayoutChoice layouts : {LayoutChoice::Planned, LayoutChoice::Greedy, LayoutChoice::Estimated}) {
    KeptNetwork kept = keptFrom(lowered, layouts);
    if (lowerKept(graph, kept)) return kept;
  }
  return std::nullopt;
}

// Full: the network as it would run now, if that can be kept.
void Tuner::rememberBefore(const Graph& graph) {
  if (options_.mode != TuneMode::Full || !hasRaced(graph)) return;
  if (auto kept = keepable(graph, lower(graph))) before_[networkKey(graph)] = *std::move(kept);
}

}  // namespace tessera
