/// \file
/// Constraints over typed tactics.
#pragma once

#include "clkernels/params.hpp"

namespace tessera {

/// Adds a constraint over the typed tactic T to a space.
template <class T, class Holds>
void require(TacticSpace& space, std::string reason, Holds holds) {
  space.constraints.push_back(
      {std::move(reason), [holds](const Tactic& tactic) { return holds(fromTactic<T>(tactic)); }});
}

}  // namespace tessera
