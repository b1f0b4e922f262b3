/// \file
/// What passes edit graphs with.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "ops/epilogue.hpp"
#include "passes/edited_graph.hpp"

namespace tessera {

/// Calls rewrite(graph, index) for every layer, the graph an EditedGraph; where it returns true it changed
/// the graph, and the sweep looks at the place again. Returns whether anything changed.
template <class Rewrite>
bool sweep(Graph& graph, Rewrite&& rewrite) {
  EditedGraph edited(graph);
  bool changed = false;
  for (int i = edited.first(); i >= 0;) {
    if (rewrite(edited, i)) {
      changed = true;
      i = edited.before(i, 2);
    } else {
      i = edited.next(i);
    }
  }
  return changed;
}

/// More channels than any network has: passes look at no list of values per channel beyond, which could be
/// any size.
inline constexpr std::int64_t kMostChannels = 1 << 20;

/// The layer that computes `id`; null for inputs and constants.
const Layer* producerLayer(const EditedGraph& graph, TensorId id);
/// Index of the one layer that reads `id`, and reads it once; -1 where there is none or `id` is a graph
/// output, too.
int soleConsumer(const EditedGraph& graph, TensorId id);

/// Value of a constant; null for anything else.
const HostTensor* constantValue(const Graph& graph, TensorId id);
/// The number a constant of one f32 element holds.
std::optional<double> scalarValue(const Graph& graph, TensorId id);
/// A constant f32 operand that broadcasts against `shape` along its channels (axis 1) only: one value per
/// channel.
std::optional<std::vector<double>> channelValues(const Graph& graph, TensorId id, const Shape& shape);

/// Takes layer `index` out, its first output replaced by `value` everywhere. Graph outputs keep their name:
/// the layer that computes `value` then writes the output's tensor. False (nothing changed) where that is not
/// possible.
bool bypass(EditedGraph& graph, int index, TensorId value);

/// Puts `fused` in the place of layer `later` (whose outputs it gives) and drops layer `earlier`. Nothing but
/// `later` may read the outputs of `earlier`.
void replacePair(EditedGraph& graph, int earlier, int later, Layer fused);

/// Convolution, Deconvolution and FullyConnected: weights, bias, residual, activation, slope.
bool hasEpilogue(const Layer& layer);
/// Input `slot`, kNoTensor where the layer lists fewer.
TensorId inputAt(const Layer& layer, std::size_t slot);
void setInput(Layer& layer, std::size_t slot, TensorId id);
/// Output channels of a layer with an epilogue.
std::int64_t outputChannels(const Graph& graph, const Layer& layer);

/// A new f32 constant.
TensorId addFloats(EditedGraph& graph, const std::string& name, Shape shape,
                   const std::vector<double>& values);

}  // namespace tessera
