// How whole networks run: recipes on record, and what the times of their layers predict.
#include <spdlog/logger.h>

#include <algorithm>
#include <limits>

#include "base/hex.hpp"
#include "lower/share_programs.hpp"
#include "tessera/log.hpp"
#include "tune/look_up.hpp"
#include "tune/problem.hpp"

namespace tessera {
std::string networkKey(const Graph& graph) {
  std::string text;
  for (const Layer& layer : graph.layers()) {
    text += layer.op + "{" + layer.attrs.text() + "}";
    for (const auto* ids : {&layer.inputs, &layer.outputs})
      for (const TensorId id : *ids)
        text += id == kNoTensor ? "-," : std::to_string(id) + ":" + graph.tensor(id).desc().text() + ",";
  }
  return "network " + hexText(textHash(text));
}

ChosenRecipe LookUp::choose(const Graph& graph, std::optional<LayoutChoice> layouts,
                            TacticSources& sources) const {
  const TacticChooser tactics = [&](const KernelFamily& family, const Problem& problem) {
    return layouts ? choose(family, problem, sources) : untuned(family, problem, sources);
  };
  const TimeSource times = [&](const KernelFamily& family, const OpView& view) -> std::optional<double> {
    if (layouts) return seconds(family, view);
    return fails(family, view) ? std::optional(std::numeric_limits<double>::infinity()) : std::nullopt;
  };
  FamilyFilter offers;
  if (limit_.limits())
    offers = [&](const KernelFamily& family, const OpView& view) {
      return offered(family, view, layouts.has_value());
    };
  return chooseRecipe(graph, caps_, tactics, times, layouts.value_or(LayoutChoice::Greedy), offers);
}

// Searches begin with what each layer runs best by; without one, compiling is what a first start waits for.
Found LookUp::foundBy(const Graph& graph, Recipe recipe, TacticSources sources) const {
  Lowered lowered = lowerGraph(graph, caps_, recipe);
  if (caps_.pocl && caps_.isCpu() && !searches(mode_)) {
    Recipe shared = sharePrograms(lowered, caps_, [&](const Step& step) {
      const Problem problem = step.family->problem(step.view);
      return step.tactic == step.family->fallback(problem, caps_) && !find(*step.family, step.view);
    });
    if (shared != recipe) {
      lowered = lowerGraph(graph, caps_, shared);
      recipe = std::move(shared);
    }
  }
  return {std::move(recipe), std::move(lowered), sources};
}

Found LookUp::lowerAs(const Graph& graph, std::optional<LayoutChoice> layouts) const {
  TacticSources sources;
  ChosenRecipe chosen = choose(graph, layouts, sources);
  return foundBy(graph, std::move(chosen.recipe), sources);
}

Found LookUp::lower(const Graph& graph) const {
  if (mode_ == TuneMode::Off || store_.size() == 0) return lowerAs(graph, std::nullopt);
  if (auto found = foundOnRecord(graph)) return *std::move(found);
  std::optional<ChosenRecipe> best;
  TacticSources sources;
  for (const auto& [name, layouts] : kLayoutChoices) {
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

// A recipe is of the kernels that it was measured with: edited ones make it stale.
std::uint64_t LookUp::sourcesOf(const Lowered& lowered) const {
  std::uint64_t hash = 0;
  for (const Step& step : lowered.steps)
    hash = hash * 31 + sourceHash(*step.family, step.family->problem(denseView(step.view)));
  return hash;
}

bool LookUp::hasBad(const Lowered& lowered) const {
  return std::ranges::any_of(lowered.steps,
                             [&](const Step& step) { return isBad(*step.family, step.view, step.tactic); });
}

std::optional<Lowered> LookUp::lowerBy(const Graph& graph, const Recipe& recipe, std::string* why) const {
  std::string reason;
  try {
    Lowered lowered = lowerGraph(graph, caps_, recipe);
    const Step* above = limit_.firstAbove(lowered);
    if (!above && !hasBad(lowered)) return lowered;
    reason = above ? "it takes " + limit_.refusal(workspaceOf(above->launch)) + " in '" + above->layer + "'"
                   : "it has a kernel that is known to be wrong";
  } catch (const Error& e) {
    reason = e.what();
  }
  log().debug("tuning: a recipe of '{}' is not taken: {}", graph.name, reason);
  if (why) *why = std::move(reason);
  return std::nullopt;
}

std::optional<Found> LookUp::foundOnRecord(const Graph& graph) const {
  auto known = store_.note<RecipeNote>(keyOf(graph), 0);
  if (!known && limit_.limits()) known = store_.note<RecipeNote>(networkKey(graph), 0);  // may keep within it
  if (!known) return std::nullopt;
  std::string why;
  auto lowered = lowerBy(graph, known->note.recipe, &why);
  if (lowered && sourcesOf(*lowered) != known->note.sources)
    lowered.reset(), why = "its kernels are others in this build of Tessera";
  if (!lowered) {
    warnOnce("tuning: the recipe on record of '" + graph.name +
             "' is not used, its kernels are chosen anew: " + why);
    return std::nullopt;
  }
  TacticSources sources{lowered->steps.size()};
  (known->match == RecordMatch::Exact ? sources.exact : sources.stale) = lowered->steps.size();
  return Found{known->note.recipe, *std::move(lowered), sources};
}

void LookUp::recordRecipe(const Graph& graph, const Recipe& recipe, double milliseconds) {
  const TuneMode decided = mode_ == TuneMode::Full ? TuneMode::Full : TuneMode::Fast;
  note(keyOf(graph), 0,
       RecipeNote{decided, milliseconds, sourcesOf(lowerGraph(graph, caps_, recipe)), recipe});
}

// Full has more rounds than Fast, which may have decided.
bool LookUp::raceIsWon(const Graph& graph) const {
  const auto won = store_.note<RecipeNote>(keyOf(graph), 0);
  return won && won->match == RecordMatch::Exact &&
         (mode_ == TuneMode::Fast || won->note.mode == TuneMode::Full);
}

// Of a decision about a network: choices that weigh fp16, too, are others than those that do not.
std::string LookUp::precisionKey(const Graph& rules, Precision rest) const {
  return keyOf(rules) + (rest == Precision::Fp32 ? "" : " " + std::string(toString(rest)));
}

std::optional<PrecisionDecision> LookUp::recordedPrecision(const Graph& rules, Precision rest) const {
  auto decision = decisionOnRecord(rules, rest);
  if (mode_ == TuneMode::Full && decision && !decision->full) decision.reset();
  return decision;
}

std::optional<PrecisionDecision> LookUp::decisionOnRecord(const Graph& rules, Precision rest) const {
  const auto known = store_.note<PrecisionNote>(precisionKey(rules, rest), 0);
  if (mode_ == TuneMode::Off || !known || (searches(mode_) && known->match != RecordMatch::Exact))
    return std::nullopt;
  return known->note.decision;
}

std::vector<LimitedLayer> LookUp::limitedLayers(const Graph& graph, const Lowered& taken) const {
  std::vector<LimitedLayer> limited;
  if (!limit_.limits()) return limited;
  const LookUp unlimited(caps_, options_);
  const auto nameOf = [](const Step& step) {
    const std::string tactic = step.tactic.text();
    return std::string(step.family->id().name) + (tactic.empty() ? "" : " " + tactic);
  };
  const auto milliseconds = [&](const LookUp& known, const Step& step) {
    const auto seconds = known.seconds(*step.family, step.view);
    return seconds && *seconds < std::numeric_limits<double>::infinity() ? *seconds * 1e3 : 0;
  };
  for (const Step& wanted : unlimited.lower(graph).lowered.steps) {
    const std::size_t bytes = workspaceOf(wanted.launch);
    if (limit_.allows(bytes)) continue;
    const auto step = std::ranges::find(taken.steps, wanted.layer, &Step::layer);
    if (step == taken.steps.end()) continue;
    limited.push_back({wanted.layer, nameOf(wanted), bytes, nameOf(*step), milliseconds(unlimited, wanted),
                       milliseconds(*this, *step)});
  }
  return limited;
}

void LookUp::recordPrecision(const Graph& rules, Precision rest, const PrecisionDecision& decision) {
  note(precisionKey(rules, rest), 0, PrecisionNote{decision});
}

}  // namespace tessera
