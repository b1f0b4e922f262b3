// fold-padding: a Pad with zeros goes into the pads of the convolution or average pooling behind it, one with
// minus infinity into those of a max pooling.
#include <algorithm>
#include <limits>

#include "ops/operator.hpp"
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
  if (layer.attrs.string("mode") ==
      "average")  // cells of the Pad count; cells of the pooling's own pads must, too
    return value == 0 && (unpadded || layer.attrs.integer("count_include_pad") == 1);
  return layer.attrs.string("mode") == "max" && layer.outputs.size() == 1 &&
         value <= std::numeric_limits<float>::lowest();
}

/// Whether the operator takes these pads and still gives its output's shape: in ceil mode, windows that begin
/// in trailing pads of the pooling itself do not count.
bool givesTheSame(const EditedGraph& graph, const Layer& layer) {
  std::vector<TensorDesc> inputs;
  for (TensorId id : layer.inputs) inputs.push_back(id == kNoTensor ? TensorDesc{} : graph.tensor(id).desc());
  try {
    return operatorNamed(layer.op).infer(layer.attrs, inputs).at(0).shape ==
           graph.tensor(layer.outputs[0]).shape;
  } catch (const Error&) {
    return false;
  }
}

bool foldPad(EditedGraph& graph, int index) {
  const Layer& pad = graph.layers()[index];
  if (pad.op != "Pad" || pad.attrs.string("mode", "constant") != "constant") return false;
  const Values added = spatialPads(pad.attrs.integers("pads"));
  const int consumer = soleConsumer(graph, pad.outputs[0]);
  if (added.empty() || consumer < 0 || graph.layers()[consumer].inputs[0] != pad.outputs[0]) return false;
  Layer layer = graph.layers()[consumer];
  Values pads = layer.attrs.integers("pads", Values(added.size(), 0));
  if (pads.size() != added.size() || !takesPads(layer, pad.attrs.number("value"), pads)) return false;

  for (std::size_t i = 0; i < pads.size(); ++i) pads[i] += added[i];
  if (layer.attrs.string("mode") == "average") layer.attrs.set("count_include_pad", std::int64_t{1});
  layer.attrs.set("pads", pads);
  layer.inputs[0] = pad.inputs[0];
  if (!givesTheSame(graph, layer)) return false;
  graph.setLayer(consumer, std::move(layer));
  graph.erase(index);
  return true;
}

}  // namespace

bool pass_fold_padding(Graph& graph) { return sweep(graph, foldPad); }

}  // namespace tessera
