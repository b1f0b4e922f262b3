// fold-padding: a Pad with zeros goes into the pads of the convolution or average pooling behind it, one with minus
// infinity into those of a max pooling.
#include <algorithm>
#include <limits>

#include "passes/rewrite.hpp"

namespace tessera {
namespace {

using Values = std::vector<std::int64_t>;

/// The spatial part of a Pad's pads (begins, ends); nothing where it pads batch or channels, or crops.
Values spatialPads(const Values& pads) {
  const std::size_t rank = pads.size() / 2;
  if (rank < 3 || std::any_of(pads.begin(), pads.end(), [](auto p) { return p < 0; })) return {};
  if (pads[0] || pads[1] || pads[rank] || pads[rank + 1]) return {};
  Values spatial(pads.begin() + 2, pads.begin() + rank);
  spatial.insert(spatial.end(), pads.begin() + rank + 2, pads.end());
  return spatial;
}

/// Whether zeros (or `value`) around the input are the same to the layer as pads of its own.
bool takesPads(const Layer& layer, double value, const Values& own) {
  const bool unpadded = std::all_of(own.begin(), own.end(), [](auto p) { return p == 0; });
  if (layer.op == "Convolution") return value == 0;
  if (layer.op != "Pool") return false;
  if (layer.attrs.string("mode") == "average")  // cells of the Pad count; cells of the pooling's own pads must, too
    return value == 0 && (unpadded || layer.attrs.integer("count_include_pad") == 1);
  return layer.attrs.string("mode") == "max" && layer.outputs.size() == 1 && value <= std::numeric_limits<float>::lowest();
}

bool foldPad(Graph& graph, int index) {
  const Layer& pad = graph.layers()[index];
  if (pad.op != "Pad" || pad.attrs.string("mode", "constant") != "constant") return false;
  const Values added = spatialPads(pad.attrs.integers("pads"));
  const int consumer = soleConsumer(graph, pad.outputs[0]);
  if (added.empty() || consumer < 0 || graph.layers()[consumer].inputs[0] != pad.outputs[0]) return false;
  Layer layer = graph.layers()[consumer];
  Values pads = layer.attrs.integers("pads", Values(added.size(), 0));
  if (pads.size() != added.size() || !takesPads(layer, pad.attrs.number("value"), pads)) return false;

  for (std::size_t i = 0; i < pads.size(); ++i) pads[i] += added[i];
  if (layer.op == "Pool") {
    const auto kernel = layer.attrs.integers("kernel"), dilations = layer.attrs.integers("dilations", Values(kernel.size(), 1));
    for (std::size_t i = 0; i < pads.size(); ++i)  // a window may never lie in padding alone
      if (pads[i] > (kernel[i % kernel.size()] - 1) * dilations[i % kernel.size()]) return false;
    if (layer.attrs.string("mode") == "average") layer.attrs.set("count_include_pad", std::int64_t{1});
  }
  layer.attrs.set("pads", pads);
  layer.inputs[0] = pad.inputs[0];
  graph.layers()[consumer] = std::move(layer);
  graph.layers().erase(graph.layers().begin() + index);
  return true;
}

}  // namespace

bool pass_fold_padding(Graph& graph) { return sweep(graph, foldPad); }

}  // namespace tessera
