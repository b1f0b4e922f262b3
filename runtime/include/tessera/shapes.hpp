/// \file
/// Shapes of a network's inputs that may change without building another engine (docs/shapes.md).
#pragma once

#include <functional>
#include <map>
#include <string>

#include "tessera/graph.hpp"

namespace tessera {

/// Shapes by the names of inputs.
using InputShapes = std::map<std::string, Shape>;

/// The shapes that one input may take: as many extents, each from `min`'s to `max`'s on its own. Kernels are
/// tuned for `max` and for `opt`; what is measured or promised of the engine as a whole is of `max`.
struct ShapeRange {
  Shape min;  ///< the least of every extent
  Shape opt;  ///< what kernels are tuned for, beside max
  Shape max;  ///< the most of every extent

  bool contains(const Shape& shape) const;  ///< whether the input may take it
  bool operator==(const ShapeRange&) const = default;
};

/// Ranges by the names of inputs; inputs that are not there keep the one shape that the network gives them.
using ShapeProfile = std::map<std::string, ShapeRange>;

/// Throws Error(InvalidArgument) that names input and extent where min, opt and max have different numbers of
/// extents, are not in order, or min has an extent below 1.
void checkProfile(const ShapeProfile& profile);

/// A network as a function of the shapes of those inputs that a profile names: imports the model, or builds
/// the graph, for just these. It is asked for a few shapes while an engine is built, and not afterwards.
using GraphSource = std::function<Graph(const InputShapes&)>;

}  // namespace tessera
