/// \file
/// One network at many shapes: the graph for the largest, and rules for what depends on the shapes of its
/// inputs beside that which operators infer.
#pragma once

#include <string>
#include <vector>

#include "tessera/shapes.hpp"

namespace tessera {

/// A whole number in an attribute that depends on shapes (a Reshape's target, a Resize's sizes): an extent of
/// an earlier tensor, times / over, plus. Without a tensor: as many as make the elements of the layer's first
/// input. Several rules for one number have to agree. Or, of a constant that the layer reads, how often its
/// values are repeated along an axis (a token that an exporter expanded to the batch).
struct ShapeRule {
  int layer = 0;          ///< index into Graph::layers()
  std::string attribute;  ///< of the layer; empty: of `constant`
  int entry = -1;         ///< of a list, or the constant's axis; -1: the attribute is one number
  TensorId constant = kNoTensor;
  TensorId tensor = kNoTensor;
  int axis = 0;
  std::int64_t times = 1, over = 1, plus = 0;
  bool operator==(const ShapeRule&) const = default;
};

class GraphFamily {
 public:
  /// `largest`: the network with every input at its profile's max. `rules` as an earlier family's rules().
  GraphFamily(Graph largest, ShapeProfile profile, std::vector<ShapeRule> rules);
  /// Finds the rules that give all of `others`, which are the same network at other shapes. Throws
  /// Error(Unsupported) that names the first layer that differs in what no rule can say: a constant computed
  /// from shapes, other layers, numbers that follow no extent.
  static GraphFamily fit(Graph largest, ShapeProfile profile, const std::vector<Graph>& others);

  const Graph& largest() const { return largest_; }
  const ShapeProfile& profile() const { return profile_; }
  const std::vector<ShapeRule>& rules() const { return rules_; }

  /// The network at these shapes; inputs that are not given stay at their largest. Throws
  /// Error(InvalidArgument) that names input and range, or the layer that can not take them.
  Graph at(const InputShapes& shapes) const;

 private:
  void apply(Graph& graph, int layer, std::vector<ShapeRule>::const_iterator& next) const;

  Graph largest_;
  ShapeProfile profile_;
  std::vector<ShapeRule> rules_;  ///< in the order of layers
};

/// The tensor with `extent` entries along `axis`, all of them the first of `whole`'s.
HostTensor repeated(const HostTensor& whole, std::size_t axis, std::int64_t extent);

/// Lets `graph` hold the constants of `with` where they are equal, so that they are in memory once.
void shareConstants(Graph& graph, const Graph& with);

/// The shapes at which a profile's network is looked at: largest first, then the smallest, the wanted ones,
/// every extent at its least alone, and one between.
std::vector<InputShapes> probeShapes(const ShapeProfile& profile);

}  // namespace tessera
