/// \file
/// Kernels that take the place of others in a network that won its race.
#pragma once

#include <string>
#include <vector>

#include "tune/look_up.hpp"

namespace tessera {

/// A kernel or tactic that was measured and is right, instead of what runs a problem, wherever that occurs.
/// Channel blocks stay.
struct Swap {
  std::string layer;               ///< the first where it would run
  std::vector<std::size_t> steps;  ///< of the recipe that it was made for
  std::string family;
  Tactic tactic;

  Recipe in(Recipe recipe) const;  ///< `recipe` with it
};

/// What might make a network faster: kernels that were not far behind what runs, the most promising first.
std::vector<Swap> swapsFor(const LookUp& known, const Found& network);

}  // namespace tessera
