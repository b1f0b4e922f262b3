/// \file
/// Choosing a recipe: family, layout and tactic of every layer, by measured times where there are some and by
/// the cost model elsewhere.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "lower/lowering.hpp"
#include "lower/recipe.hpp"
#include "lower/ways.hpp"

namespace tessera {

/// Chooses the tactic of a problem; the tuner provides one, untuned runs take the family's fallback.
using TacticChooser = std::function<Tactic(const KernelFamily&, const Problem&)>;

/// Whether a family is offered for an operator in its layouts, with the reason where it is not, beside what
/// it says itself (KernelFamily::applies). None: it is.
using FamilyFilter = std::function<Verdict(const KernelFamily&, const OpView&)>;

/// How layouts are chosen. Estimated: as the cost model says, whatever was measured; measured times choose
/// between families of equal layouts. Greedy: layer by layer, each with what lies before it. Planned: for the
/// whole graph, by dynamic programming along its chains (lower/layout_plan.cpp). All three are the same where
/// nothing was measured.
enum class LayoutChoice { Estimated, Greedy, Planned };

struct ChosenRecipe {
  Recipe recipe;
  double seconds = 0;  ///< that a run is expected to take: measured where known, estimated elsewhere
};

/// Throws Error(Unsupported) that lists every layer no family can run, with each family's reason.
ChosenRecipe chooseRecipe(const Graph& graph, const DeviceCaps& device, const TacticChooser& tactics,
                          const TimeSource& times = {}, LayoutChoice layouts = LayoutChoice::Greedy,
                          const FamilyFilter& offered = {});

/// Families' own tactics: what runs without records and defaults.
TacticChooser fallbackTactics(const DeviceCaps& device);

/// Decides layer by layer while the graph is lowered, since what a layer costs depends on how its inputs lie.
class RecipeChooser final : public Lowering::Choice {
 public:
  RecipeChooser(const Graph& graph, const DeviceCaps& device, const TacticChooser& tactics,
                const TimeSource& times, LayoutChoice layouts, const FamilyFilter& offered)
      : graph_(graph),
        device_(device),
        tactics_(tactics),
        times_(times),
        layouts_(layouts),
        offered_(offered) {}
  void begin(Lowering& lowering) override;
  Fit fit(Lowering& lowering, const Layer& layer, const OpView& base) override;
  Tactic tactic(const std::string& name, bool reformat, const KernelFamily& family,
                const OpView& view) override;

 private:
  struct Candidate {
    Fit fit;
    WayCost cost;
  };
  std::vector<Candidate> candidatesFor(Lowering& lowering, const Layer& layer, const OpView& base,
                                       std::string& refusals);
  Verdict offered(const KernelFamily& family, const OpView& view) const {
    return offered_ ? offered_(family, view) : Verdict::yes();
  }
  /// Those of waysToRun() that are offered and may be taken.
  std::vector<Way> offeredWays(const OpView& base, const TimeSource& times) const;
  static void dropFailing(std::vector<Candidate>& candidates);
  WayCost costOf(const Lowering& lowering, const Layer& layer, const Fit& fit);
  /// Seconds to bring a tensor from one channel block to another.
  double reformatTime(const TensorDesc& tensor, int from, int to) const;

  // layout_plan.cpp
  void planLayouts(const Lowering& lowering);
  std::vector<std::vector<Way>> allWays(const Lowering& lowering) const;

  // wishes.cpp: looking one layer ahead
  /// The fastest ways of a layer and their equals.
  const std::vector<Way>& fastestWaysOf(const Lowering& lowering, int layer);
  /// Blocks in which `layer` takes `tensor` in one of its fastest ways; none where it does not matter.
  std::optional<std::set<int>> wishesOf(const Lowering& lowering, int layer, TensorId tensor);
  /// Reformats that readers of `tensor` would need if it were written in blocks of `block`.
  int reformatsAfter(const Lowering& lowering, TensorId tensor, int block, int depth = 0);

  const Graph& graph_;
  const DeviceCaps& device_;
  const TacticChooser& tactics_;
  const TimeSource& times_;
  const LayoutChoice layouts_;
  const FamilyFilter& offered_;
  std::map<int, Way> plan_;               ///< by layer index
  std::map<int, std::vector<Way>> ways_;  ///< fastestWaysOf(), by layer index
};

}  // namespace tessera
