/// \file
/// Integer layers in place of float ones.
#pragma once

#include <vector>

#include "lower/precision.hpp"

namespace tessera {

struct Int8Graph {
  Graph graph;
  std::vector<int> sources;  ///< per layer: index of the layer that it was made for; -1: for an output
};

/// Rewrites an optimised float graph as the plan says. `layers`: what each is to run in; gets what those run
/// in that are to run in INT8, and why.
Int8Graph toInt8(const Graph& optimized, const Calibration& calibration, const Int8Plan& plan,
                 std::vector<LayerPrecision>& layers);

}  // namespace tessera
