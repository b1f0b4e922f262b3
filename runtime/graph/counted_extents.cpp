// Follows extents that are only bounds through the layers of a graph.
#include "graph/counted_extents.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "graph/layer_view.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

[[noreturn]] void refuseLayer(const Graph& graph, const Layer& layer, TensorId tensor,
                              const std::string& does) {
  throw Error(ErrorCode::Unsupported,
              "layer '" + layer.name + "' (" + layer.op + ") " + does + " '" + graph.tensor(tensor).name +
                  "', whose rows are the boxes that a NonMaxSuppression selects at run time; their number is "
                  "followed only through layers that compute every row for itself: end the model before it");
}

/// Refuses operands with entries of their own beside a counted extent.
void wantSameEntries(const Graph& graph, const Layer& layer, const std::map<TensorId, CountedExtent>& found,
                     TensorId counted, std::size_t axis) {
  const OperatorTraits traits = traitsOf(layer.op);
  if (!traits.broadcasts && !traits.joins) return;
  const std::size_t rank = graph.tensor(layer.outputs[0]).shape.size();
  for (const TensorId id : layer.inputs) {
    if (id == kNoTensor || found.count(id)) continue;
    const Shape& shape = graph.tensor(id).shape;
    const std::size_t lead = rank - shape.size();
    if (traits.joins || (axis >= lead && shape[axis - lead] != 1))
      refuseLayer(graph, layer, counted, "joins '" + graph.tensor(id).name + "' of fixed length to");
  }
}

std::optional<CountedExtent> follow(const Graph& graph, const Layer& layer,
                                    const std::map<TensorId, CountedExtent>& found) {
  std::optional<CountedExtent> result;
  TensorId counted = kNoTensor;
  const OperatorTraits traits = traitsOf(layer.op);
  const OpView view = viewOf(graph, layer);
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    const auto it = found.find(layer.inputs[i]);
    if (it == found.end()) continue;
    const auto to = traits.follow ? traits.follow(view, i, it->second.axis) : std::nullopt;
    if (!to || layer.outputs.size() != 1) refuseLayer(graph, layer, layer.inputs[i], "mixes rows of");
    const CountedExtent made{*to, it->second.count};
    if (result && !(*result == made))
      refuseLayer(graph, layer, layer.inputs[i], "joins rows of another tensor to those of");
    result = made;
    counted = layer.inputs[i];
  }
  if (result) wantSameEntries(graph, layer, found, counted, result->axis);
  return result;
}

}  // namespace

std::map<TensorId, CountedExtent> countedExtents(const Graph& graph) {
  std::map<TensorId, CountedExtent> found;
  for (const Layer& layer : graph.layers()) {
    const OperatorTraits traits = traitsOf(layer.op);
    if (traits.statistic) continue;
    if (traits.countedExtent) {
      for (const TensorId id : layer.inputs)
        if (found.count(id)) refuseLayer(graph, layer, id, "compares rows of");
      found[layer.outputs[0]] = {*traits.countedExtent, layer.outputs[1]};
    } else if (!found.empty()) {
      if (const auto made = follow(graph, layer, found)) found[layer.outputs[0]] = *made;
    }
  }
  return found;
}

HostTensor firstEntries(const HostTensor& tensor, std::size_t axis, std::int64_t count) {
  Shape shape = tensor.shape;
  count = std::clamp<std::int64_t>(count, 0, shape.at(axis));
  const auto inner =
      static_cast<std::size_t>(extentProduct(shape, axis + 1, shape.size())) * byteSize(tensor.type);
  const auto outer = static_cast<std::size_t>(extentProduct(shape, 0, axis));
  const std::size_t from = static_cast<std::size_t>(shape[axis]) * inner,
                    to = static_cast<std::size_t>(count) * inner;
  shape[axis] = count;
  HostTensor cut(tensor.type, shape);
  for (std::size_t i = 0; to > 0 && i < outer; ++i)
    std::memcpy(cut.data.data() + i * to, tensor.data.data() + i * from, to);
  return cut;
}

}  // namespace tessera
