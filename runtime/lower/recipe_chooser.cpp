#include "lower/recipe_chooser.hpp"

#include <algorithm>

#include "lower/cost_model.hpp"
#include "lower/reformat.hpp"

namespace tessera {
namespace {

double expectedSeconds(const Lowered& lowered, const DeviceCaps& device, const TimeSource& times) {
  double total = 0;
  for (const Step& step : lowered.steps) {
    const auto measured = times ? times(*step.family, step.view) : std::nullopt;
    total += measured ? *measured
                      : estimateSeconds(step.family->cost(step.family->problem(step.view), device), device);
  }
  return total;
}

}  // namespace

ChosenRecipe chooseRecipe(const Graph& graph, const DeviceCaps& device, const TacticChooser& tactics,
                          const TimeSource& times, LayoutChoice layouts, const FamilyFilter& offered) {
  RecipeChooser chooser(graph, device, tactics, times, layouts, offered);
  const Lowered lowered = Lowering(graph, device, chooser, false).run();
  return {recipeOf(lowered), expectedSeconds(lowered, device, times)};
}

TacticChooser fallbackTactics(const DeviceCaps& device) {
  return [&device](const KernelFamily& family, const Problem& problem) {
    return family.fallback(problem, device);
  };
}

void RecipeChooser::begin(Lowering& lowering) {
  if (layouts_ == LayoutChoice::Planned) planLayouts(lowering);
}

Tactic RecipeChooser::tactic(const std::string&, bool, const KernelFamily& family, const OpView& view) {
  return tactics_(family, family.problem(view));
}

std::vector<RecipeChooser::Candidate> RecipeChooser::candidatesFor(Lowering& lowering, const Layer& layer,
                                                                   const OpView& base,
                                                                   std::string& refusals) {
  std::vector<Candidate> candidates;
  forEachWay(base, device_, [&](const KernelFamily& family, const BlockChoice& blocks) {
    std::string refusal;
    if (auto fit = lowering.fit(layer, base, family, blocks, refusal)) {
      const WayCost cost = costOf(lowering, layer, *fit);
      const Verdict verdict = mayBeTaken(family, fit->view, cost.measured)
                                  ? offered(family, fit->view)
                                  : Verdict::no("it is chosen only where it has been measured");
      if (verdict) return candidates.push_back({*std::move(fit), cost});
      refusal = verdict.why;
    }
    const std::string text = std::string(family.id().name) + ": " + refusal;
    if (refusals.find(text) == std::string::npos)  // often the same in every layout
      refusals += (refusals.empty() ? "" : "; ") + text;
  });
  return candidates;
}

std::vector<Way> RecipeChooser::offeredWays(const OpView& base, const TimeSource& times) const {
  auto ways = waysToRun(base, device_, times);
  std::erase_if(ways, [&](const Way& way) {
    return !mayBeTaken(*way.family, way.view, way.cost.measured) || !offered(*way.family, way.view);
  });
  return ways;
}

// What is known to fail, unless everything is.
void RecipeChooser::dropFailing(std::vector<Candidate>& candidates) {
  const auto fails = [](const Candidate& c) { return knownToFail(c.cost); };
  if (!std::ranges::all_of(candidates, fails)) std::erase_if(candidates, fails);
}

Fit RecipeChooser::fit(Lowering& lowering, const Layer& layer, const OpView& base) {
  if (const auto planned = plan_.find(lowering.layerIndex()); planned != plan_.end()) {
    std::string refusal;  // a slice may not suit it: then the layer is looked at anew
    if (auto fit = lowering.fit(layer, base, *planned->second.family, planned->second.blocks, refusal))
      return *fit;
  }
  std::string refusals;
  auto candidates = candidatesFor(lowering, layer, base, refusals);
  if (candidates.empty())
    throw Error(ErrorCode::Unsupported, "layer '" + layer.name + "': no kernel family runs " + base.text() +
                                            (refusals.empty() ? "" : ": ") + refusals);
  dropFailing(candidates);
  if (layouts_ == LayoutChoice::Estimated) {
    // The model's own choice, which leaves out families that it is never trusted with, decides the layouts.
    const auto before = [&](const Candidate& a, const Candidate& b) {
      const auto onlyMeasured = [](const Candidate& c) { return c.fit.family->onlyMeasured(c.fit.view); };
      const bool unsure = onlyMeasured(a);
      return unsure == onlyMeasured(b) ? a.cost.estimated() < b.cost.estimated() : !unsure;
    };
    const Fit model = std::min_element(candidates.begin(), candidates.end(), before)->fit;
    std::erase_if(candidates, [&](const Candidate& c) { return !c.fit.sameLayouts(model); });
  }
  std::vector<WayCost> costs;
  for (const Candidate& c : candidates) costs.push_back(c.cost);
  return candidates[fastestWay(costs)].fit;
}

double RecipeChooser::reformatTime(const TensorDesc& tensor, int from, int to) const {
  if (sameOrder(tensor, from, to)) return 0;
  if (times_ && layouts_ != LayoutChoice::Estimated) {
    const OpView view = reformatView(tensor, from, to);
    if (const KernelFamily* family = familyFor(view, device_))
      if (const auto seconds = times_(*family, view)) return *seconds;
  }
  return reformatSeconds(tensor, device_);
}

WayCost RecipeChooser::costOf(const Lowering& lowering, const Layer& layer, const Fit& fit) {
  WayCost cost;
  for (const Fit::Conversion& c : fit.conversions) cost.around += reformatTime(c.tensor, c.from, c.to);
  for (const TensorDesc& copy : fit.copies) cost.around += reformatSeconds(copy, device_);
  cost.estimate = estimateSeconds(fit.family->cost(fit.family->problem(fit.view), device_), device_);
  if (times_) cost.measured = times_(*fit.family, fit.view);
  for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
    const TensorId id = layer.outputs[i];
    const auto& output = fit.view.outputs[i];
    if (graph_.isOutput(id) && output.layout.block != 1)
      cost.around += reformatTime(output, output.layout.block, 1);
    if (lowering.inSharedConcat(id) && !fit.intoSlice) cost.around += reformatSeconds(output, device_);
    if (output.blockable())
      cost.around += reformatsAfter(lowering, id, output.layout.block) * reformatSeconds(output, device_);
  }
  return cost;
}

}  // namespace tessera
