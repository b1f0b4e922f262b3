/// \file
/// Extents that are only bounds. Shapes are static, but how many boxes NonMaxSuppression selects depends on
/// values: its output has room for the most there can be, and a second output says how many there are.
/// Whoever computes row by row from such a tensor has such an extent, too.
#pragma once

#include <map>

#include "tessera/graph.hpp"

namespace tessera {

struct CountedExtent {
  std::size_t axis = 0;        ///< the extent that is a bound
  TensorId count = kNoTensor;  ///< i64 [1]: how many entries along it, from the first on, mean anything
  bool operator==(const CountedExtent&) const = default;
};

/// Every tensor with such an extent. Throws Error(Unsupported) naming the layer that would mix entries that
/// mean something with those that do not.
std::map<TensorId, CountedExtent> countedExtents(const Graph& graph);

/// The first `count` entries along `axis`, in a shape of that many.
HostTensor firstEntries(const HostTensor& tensor, std::size_t axis, std::int64_t count);

}  // namespace tessera
