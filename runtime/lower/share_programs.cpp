// Steps are grouped by their programs; the cheapest groups to dissolve go first.
#include "lower/share_programs.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "clkernels/common/compares_tactics.hpp"
#include "lower/cost_model.hpp"

namespace tessera {
namespace {

// Texts of the programs of a launch.
std::string programsOf(const Launch& launch) {
  std::string text;
  for (const KernelCall& call : launch.calls) {
    text += call.source + " " + call.options;
    for (const auto& [name, value] : call.defines) text += " " + name + "=" + value;
    text += call.prologue + "\n";
  }
  return text;
}

// Parameters of a tactic that its programs are compiled with; the others are arguments and ranges.
std::set<std::string> compiledIn(const Launch& launch, const Tactic& tactic) {
  std::set<std::string> names;
  for (const auto& [name, value] : tactic.values())
    for (const KernelCall& call : launch.calls)
      for (const auto& define : call.defines)
        if (define.first == "T_" + name) names.insert(name);
  return names;
}

// Steps that may run by another tactic, all of one problem.
struct Member {
  std::vector<std::size_t> steps;
  const KernelFamily* family;
  const ComparesTactics* compares;
  Problem problem;
  Tactic tactic;
  std::set<std::string> compiled;
  double seconds;  // by the tactic that it came with
  double expected;

  // The programs of another one, in other respects as it is.
  Tactic like(const Tactic& other) const {
    Tactic mixed = tactic;
    for (const std::string& name : compiled) mixed.set(name, other.get(name));
    return mixed;
  }
};

struct Group {
  std::vector<Member> members;
  bool fixed = false;  // some other step needs the program as well
};

class Sharing {
 public:
  Sharing(const Lowered& lowered, const DeviceCaps& device, const std::function<bool(const Step&)>& free)
      : lowered_(lowered), device_(device) {
    for (std::size_t i = 0; i < lowered.steps.size(); ++i) {
      const Step& step = lowered.steps[i];
      const auto* compares = dynamic_cast<const ComparesTactics*>(step.family);
      const Problem problem = step.family->problem(step.view);
      const double seconds = estimateSeconds(step.family->cost(problem, device), device);
      total_ += seconds;
      Group& group = groups_[programsOf(step.launch)];
      if (compares && free(step))
        add(group, i, step, *compares, problem, seconds);
      else
        group.fixed = true;
    }
  }

  Recipe within(double share) {
    Recipe recipe = recipeOf(lowered_);
    double left = share * total_;
    while (const auto best = cheapest(left)) {
      left -= best->cost;
      std::vector<Member> moved = std::move(groups_[best->from].members);
      groups_.erase(best->from);
      for (std::size_t i = 0; i < moved.size(); ++i) {
        const auto& [to, tactic] = best->places[i];
        moved[i].tactic = tactic;
        for (const std::size_t step : moved[i].steps) recipe.steps[step].tactic = tactic;
        groups_[to].members.push_back(std::move(moved[i]));
      }
    }
    return recipe;
  }

 private:
  void add(Group& group, std::size_t i, const Step& step, const ComparesTactics& compares,
           const Problem& problem, double seconds) const {
    for (Member& known : group.members)
      if (known.family == step.family && known.tactic == step.tactic && known.problem == problem) {
        known.steps.push_back(i);
        known.seconds += seconds;
        return;
      }
    group.members.push_back({{i},
                             step.family,
                             &compares,
                             problem,
                             step.tactic,
                             compiledIn(step.launch, step.tactic),
                             seconds,
                             compares.expected(problem, step.tactic, device_)});
  }

  // A group that others can take in, and where its members go.
  struct Move {
    std::string from;
    std::vector<std::pair<std::string, Tactic>> places;
    double cost = 0;
  };

  std::int64_t packed(const Member& m, const Tactic& tactic) const {
    return m.compares->packedChannels(m.problem, tactic, device_);
  }

  double costOf(const Member& m, const Tactic& tactic) const {
    return m.seconds * std::max(0.0, m.compares->expected(m.problem, tactic, device_) / m.expected - 1);
  }

  // The best place for a member outside its group.
  std::optional<std::pair<std::string, Tactic>> placeFor(const Member& m, const std::string& from,
                                                         double& cost) {
    std::optional<std::pair<std::string, Tactic>> best;
    std::set<std::string> seen;
    for (const auto& [to, group] : groups_) {
      if (to == from) continue;
      for (const Member& other : group.members) {
        if (other.family != m.family) continue;
        Tactic tactic = m.like(other.tactic);
        if (!seen.insert(tactic.text()).second || !offers(*m.family, m.problem, tactic, device_)) continue;
        if (packed(m, tactic) > packed(m, m.tactic)) continue;  // no program is worth more memory
        const double its = costOf(m, tactic);
        if (best && its >= cost) continue;
        std::string programs = programsOf(m.family->plan(m.problem, tactic, device_));
        if (programs == from || !groups_.count(programs)) continue;
        best.emplace(std::move(programs), std::move(tactic));
        cost = its;
      }
    }
    return best;
  }

  std::optional<Move> cheapest(double left) {
    std::optional<Move> best;
    for (const auto& [from, group] : groups_) {
      if (group.fixed || group.members.empty()) continue;
      Move move{from, {}, 0};
      for (const Member& m : group.members) {
        double cost = 0;
        const auto place = placeFor(m, from, cost);
        if (place) move.places.push_back(*place);
        move.cost += cost;
        if (!place || move.cost > left || (best && move.cost >= best->cost)) break;
      }
      const bool whole = move.places.size() == group.members.size();
      if (whole && move.cost <= left && (!best || move.cost < best->cost)) best = std::move(move);
    }
    return best;
  }

  const Lowered& lowered_;
  const DeviceCaps& device_;
  std::map<std::string, Group> groups_;  ///< by their programs
  double total_ = 0;
};

}  // namespace

Recipe sharePrograms(const Lowered& lowered, const DeviceCaps& device,
                     const std::function<bool(const Step&)>& free, double share) {
  return Sharing(lowered, device, free).within(share);
}

}  // namespace tessera
