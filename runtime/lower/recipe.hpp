/// \file
/// How a network runs on a device, as a value: what choosing decides, races compare, records keep and
/// lowering obeys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clkernels/params.hpp"
#include "lower/step.hpp"

namespace tessera {

/// One kernel of the network.
struct RecipeStep {
  std::string layer;                 ///< the layer's name; of a reformat, the tensor's
  bool reformat = false;             ///< brings a tensor into another layout; in no layer
  std::string family;                ///< FamilyId::text(): name and revision
  std::vector<int> inputs, outputs;  ///< channel block of each operand
  Tactic tactic;
  bool operator==(const RecipeStep&) const = default;
};

/// The steps of a network in order. Layers that need no kernel (views, concatenations written in place) have
/// none.
struct Recipe {
  std::vector<RecipeStep> steps;
  int chainGroups = kChainUnknown;  ///< as Lowered has it

  /// One line, which parse() reads back.
  std::string text() const;
  /// Throws Error(BadCache) where it is not the text of a recipe.
  static Recipe parse(std::string_view text);
  bool operator==(const Recipe&) const = default;
};

/// The recipe that gives `lowered` again.
Recipe recipeOf(const Lowered& lowered);

/// Whether a family has the tactic for a problem.
bool offers(const KernelFamily& family, const Problem& problem, const Tactic& tactic,
            const DeviceCaps& device);

/// Lowers a graph as the recipe says; equal recipes give equal networks. Throws Error(BadCache) that names
/// the step where the recipe is not of this graph, its family or tactic is not there any more, or the family
/// refuses.
Lowered lowerGraph(const Graph& graph, const DeviceCaps& device, const Recipe& recipe);

}  // namespace tessera
