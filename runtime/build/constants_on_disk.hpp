/// \file
/// Large constants of a graph that a device has its own copies of.
#pragma once

#include <cstddef>

#include "tessera/graph.hpp"

namespace tessera {

inline constexpr std::size_t kLeastOnDisk = std::size_t{256} << 10;  ///< bytes; smaller ones stay in memory

/// Moves the graph's constants from `least` bytes on into files of their own (inOwnFile()): they serve
/// saving, tuning and Engine::graph(), and take memory only while they are read. Those shared within the
/// graph stay so. What no folder takes stays in memory.
void moveToDisk(Graph& graph, std::size_t least = kLeastOnDisk);

/// Lets go of the memory of the constants that come again from files.
void releaseConstants(const Graph& graph);

}  // namespace tessera
