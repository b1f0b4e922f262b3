// How whole networks run: recipes on record.
#include <xxhash.h>

#include <algorithm>

#include "graph/hex.hpp"
#include "tessera/log.hpp"
#include "tune/problem.hpp"
#include "tune/tuner.hpp"

namespace tessera {
namespace {

constexpr const char* kRecipeFamily = "recipe/1";  // of records that hold the recipe of a network
constexpr const char* kFull = "full";              // their tactic's field where Full let variants race

std::string textHash(std::string_view text) { return hexText(XXH3_64bits(text.data(), text.size())); }

}  // namespace

std::string Tuner::stepName(const KernelFamily& family, const OpView& view) const {
  const Problem problem = family.problem(denseView(view));
  return textHash(family.id().text() + "\t" + hexText(sourceHash(family, problem)) + "\t" + problem.text());
}

// A recipe is of the kernels that it was measured with: edited ones make it stale.
std::uint64_t Tuner::sourcesOf(const Lowered& lowered) const {
  std::uint64_t hash = 0;
  for (const Step& step : lowered.steps)
    hash = hash * 31 + sourceHash(*step.family, step.family->problem(denseView(step.view)));
  return hash;
}

bool Tuner::hasBad(const Lowered& lowered) const {
  return std::ranges::any_of(lowered.steps,
                             [&](const Step& step) { return isBad(*step.family, step.view, step.tactic); });
}

std::optional<Lowered> Tuner::lowerBy(const Graph& graph, const Recipe& recipe) const {
  try {
    Lowered lowered = lowerGraph(graph, caps_, recipe);
    if (!hasBad(lowered)) return lowered;
    log().debug("tuning: a recipe of '{}' has a kernel that is known to be wrong", graph.name);
  } catch (const Error& e) {
    log().debug("tuning: {}", e.what());
  }
  return std::nullopt;
}

std::optional<Tuner::Found> Tuner::foundOnRecord(const Graph& graph) const {
  const auto hit = networkRecord(graph, kRecipeFamily);
  if (!hit) return std::nullopt;
  const std::string_view reason = hit->record.reason;
  const auto blank = std::min(reason.find(' '), reason.size());
  try {
    Recipe recipe = Recipe::parse(reason.substr(std::min(blank + 1, reason.size())));
    auto lowered = lowerBy(graph, recipe);
    if (!lowered || hexText(sourcesOf(*lowered)) != reason.substr(0, blank)) return std::nullopt;
    TacticSources sources{lowered->steps.size()};
    (hit->match == RecordMatch::Exact ? sources.exact : sources.stale) = lowered->steps.size();
    return Found{std::move(recipe), *std::move(lowered), sources};
  } catch (const Error& e) {
    log().debug("tuning: {}", e.what());
  }
  return std::nullopt;
}

void Tuner::recordRecipe(const Graph& graph, const Recipe& recipe, double milliseconds) {
  const std::string sources = hexText(sourcesOf(lowerGraph(graph, caps_, recipe)));
  recordLatest({kRecipeFamily, 0, networkKey(graph), caps_.fingerprint(),
                options_.mode == TuneMode::Full ? kFull : "fast", milliseconds, false,
                sources + " " + recipe.text()});
}

// Full has more rounds than Fast, which may have decided.
bool Tuner::raceIsWon(const Graph& graph) const {
  const auto won = networkRecord(graph, kRecipeFamily);
  return won && won->match == RecordMatch::Exact &&
         (options_.mode == TuneMode::Fast || won->record.tactic == kFull);
}

// Full: the network as it would run now.
void Tuner::rememberBefore(const Graph& graph) {
  const auto won = networkRecord(graph, kRecipeFamily);
  if (options_.mode != TuneMode::Full || !won || won->match != RecordMatch::Exact) return;
  before_[networkKey(graph)] = lower(graph).recipe;
}

}  // namespace tessera
