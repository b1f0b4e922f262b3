#include "lower/workspace.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "graph/amount.hpp"

namespace tessera {
namespace {

// A tunable's values, the nearest to `now` first.
std::vector<int> otherValues(const TacticSpace::Parameter& parameter, int now) {
  const auto& values = parameter.values;
  const auto at = std::find(values.begin(), values.end(), now) - values.begin();
  std::vector<std::pair<std::ptrdiff_t, int>> byDistance;
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(values.size()); ++i)
    if (i != at) byDistance.emplace_back(std::abs(i - at), values[i]);
  std::ranges::stable_sort(byDistance, {}, &std::pair<std::ptrdiff_t, int>::first);
  std::vector<int> sorted;
  for (const auto& [_, value] : byDistance) sorted.push_back(value);
  return sorted;
}

std::vector<Tactic> changedInOne(const TacticSpace& space, const Tactic& from, std::size_t firstParameter) {
  std::vector<Tactic> changed;
  for (std::size_t i = firstParameter; i < space.parameters.size(); ++i) {
    const auto& parameter = space.parameters[i];
    for (const int value : otherValues(parameter, from.get(parameter.name))) {
      changed.push_back(from);
      changed.back().set(parameter.name, value);
    }
  }
  return changed;
}

}  // namespace

std::size_t workspaceOf(const Launch& launch) {
  return std::accumulate(launch.scratch.begin(), launch.scratch.end(), std::size_t{0});
}

bool WorkspaceLimit::allows(const KernelFamily& family, const Problem& problem, const Tactic& tactic,
                            const DeviceCaps& device) const {
  return !bytes_ || allows(workspaceOf(family.plan(problem, tactic, device)));
}

std::optional<Tactic> WorkspaceLimit::nearest(const KernelFamily& family, const Problem& problem,
                                              const Tactic& own, const DeviceCaps& device,
                                              const std::function<bool(const Tactic&)>& accepts) const {
  if (allows(family, problem, own, device)) return own;
  const TacticSpace space = family.space(problem, device);
  const auto suits = [&](const Tactic& tactic) {
    return space.contains(tactic) && allows(family, problem, tactic, device) && accepts(tactic);
  };
  const std::size_t owns = workspaceOf(family.plan(problem, own, device));
  bool depends = false;  // on one tunable at least: else two change nothing either
  for (const Tactic& tactic : changedInOne(space, own, 0)) {
    if (!space.contains(tactic)) continue;
    const std::size_t bytes = workspaceOf(family.plan(problem, tactic, device));
    if (allows(bytes) && accepts(tactic)) return tactic;
    depends = depends || bytes < owns;
  }
  if (!depends) return std::nullopt;
  for (std::size_t i = 0; i < space.parameters.size(); ++i)
    for (const int value : otherValues(space.parameters[i], own.get(space.parameters[i].name))) {
      Tactic one = own;
      one.set(space.parameters[i].name, value);
      for (const Tactic& two : changedInOne(space, one, i + 1))
        if (suits(two)) return two;
    }
  return std::nullopt;
}

const Step* WorkspaceLimit::firstAbove(const Lowered& lowered) const {
  const auto above = std::ranges::find_if(
      lowered.steps, [&](const Step& step) { return !allows(workspaceOf(step.launch)); });
  return above == lowered.steps.end() ? nullptr : &*above;
}

std::string WorkspaceLimit::refusal(std::size_t bytes) const {
  const std::size_t limit = bytes_.value_or(0);
  std::string takes = byteAmount(static_cast<double>(bytes)), most = byteAmount(static_cast<double>(limit));
  if (takes == most) takes = std::to_string(bytes) + " bytes", most = std::to_string(limit) + " bytes";
  return takes + " of workspace, more than the limit of " + most;
}

std::string WorkspaceLimit::key() const { return bytes_ ? " workspace " + std::to_string(*bytes_) : ""; }

}  // namespace tessera
