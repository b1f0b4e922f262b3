// Families, layouts and tactics of networks in one launch.
#include "clkernels/common/in_chains.hpp"
#include "lower/chain.hpp"
#include "lower/recipe_chooser.hpp"

namespace tessera {

Recipe chainRecipe(const Graph& graph, const DeviceCaps& device) {
  const TacticChooser tactics = [&](const KernelFamily& family, const Problem& problem) {
    return chainedTactic(family, problem, device);
  };
  return chooseRecipe(graph, device, tactics, {}, LayoutChoice::Planned, offersInChains).recipe;
}

}  // namespace tessera
