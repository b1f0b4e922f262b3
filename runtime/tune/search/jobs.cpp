#include "tune/search/jobs.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "lower/cost_model.hpp"
#include "lower/recipe_chooser.hpp"
#include "lower/reformat.hpp"
#include "tune/problem.hpp"

namespace tessera {
namespace {

// Channel blocks that some family insists on: families that take any are offered these.
std::set<int> blocksOf(const std::vector<Job>& jobs, const DeviceCaps& device) {
  std::set<int> blocks{1};
  for (const Job& job : jobs)
    for (const Way& way : job.options)
      if (way.family->channelBlock(job.planar, device) != 0)
        for (const auto* side : {&way.blocks.inputs, &way.blocks.outputs})
          blocks.insert(side->begin(), side->end());
  return blocks;
}

}  // namespace

Way wayOf(const KernelFamily& family, const OpView& view, const DeviceCaps& device) {
  Way way{&family, {}, denseView(view), {}};
  way.cost.estimate = estimateSeconds(family.cost(family.problem(view), device), device);
  return way;
}

std::vector<Job> jobsOf(const Graph& graph, const DeviceCaps& device) {
  const Lowered untuned =
      lowerGraph(graph, device, chooseRecipe(graph, device, fallbackTactics(device)).recipe);
  std::vector<Job> jobs;
  std::map<std::string, std::size_t> known;
  for (const Step& step : untuned.steps) {
    if (step.reformat || !whyNotMeasured(step.view).empty()) continue;
    const OpView planar = planarView(step.view);
    const auto [it, fresh] = known.emplace(planar.text(), jobs.size());
    if (fresh)
      jobs.push_back(
          {planar, step.layer, 0, wayOf(*step.family, step.view, device), waysToRun(planar, device)});
    ++jobs[it->second].count;
  }
  const std::set<int> blocks = blocksOf(jobs, device);
  for (Job& job : jobs) {
    std::erase_if(job.options, [&](const Way& way) {
      return way.family->channelBlock(job.planar, device) == 0 &&
             !std::ranges::all_of(way.blocks.outputs, [&](int block) { return blocks.count(block) > 0; });
    });
    std::ranges::stable_sort(job.options, {}, [](const Way& way) { return way.cost.estimate; });
  }
  return jobs;
}

std::vector<Job> reformatJobs(const std::vector<Job>& jobs, const DeviceCaps& device) {
  std::map<std::string, std::pair<TensorDesc, std::set<int>>>
      tensors;  // activations, and the blocks they may have
  for (const Job& job : jobs)
    for (const Way& option : job.options) {
      const auto add = [&](const TensorDesc& t) {
        if (!t.blockable()) return;
        TensorDesc planar = t;
        planar.layout = {};
        auto& [desc, blocks] = tensors[planar.text()];
        desc = planar;
        blocks.insert(t.layout.block);
      };
      for (const TensorDesc& t : option.view.inputs) add(t);
      for (const TensorDesc& t : option.view.outputs) add(t);
    }
  std::vector<Job> reformats;
  for (const auto& [_, tensor] : tensors)
    for (const int from : tensor.second)
      for (const int to : tensor.second) {
        if (sameOrder(tensor.first, from, to)) continue;
        const OpView view = reformatView(tensor.first, from, to);
        if (const KernelFamily* family = familyFor(view, device))
          reformats.push_back({planarView(view),
                               "reformat",
                               1,
                               wayOf(*family, view, device),
                               {wayOf(*family, view, device)}});
      }
  return reformats;
}

}  // namespace tessera
