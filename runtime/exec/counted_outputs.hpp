/// \file
/// Outputs of a network whose length depends on values (graph/counted_extents.hpp): their counts are outputs,
/// too.
#pragma once

#include "graph/counted_extents.hpp"

namespace tessera {

struct CountedOutput {
  std::string output;    ///< a binding with an extent that is only a bound,
  std::size_t axis = 0;  ///< this one,
  std::string count;     ///< and the binding that says how many entries there are
  bool added = false;    ///< the network itself does not have the count as an output
};

/// Marks the counts of `graph`'s outputs as outputs. Throws Error(Unsupported) as countedExtents does.
std::vector<CountedOutput> exposeCounts(Graph& graph);

}  // namespace tessera
