// Follows extents that are only bounds through the layers of a graph.
#include "graph/counted_extents.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "ops/pointwise.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

using Axis = std::optional<std::size_t>;

/// Operators whose operands' extents are walked together: all have the same entries there, or one.
bool walksTogether(const std::string& op) {
  const char* const others[] = {"Pointwise", "QPointwise", "Where",    "Cast",       "Identity",
                                "Dropout",   "Expand",     "Quantize", "Dequantize", "Concat"};
  return findPointwise(op) || std::ranges::find(others, op) != std::end(others);
}

/// What happens to extent `axis` of input `input`: the output extent it becomes, or none where entries are
/// mixed.
struct Follow {
  const Graph& graph;
  const Layer& layer;
  std::size_t input, axis;

  const Shape& in(std::size_t i) const { return graph.tensor(layer.inputs.at(i)).shape; }
  const Shape& out() const { return graph.tensor(layer.outputs.at(0)).shape; }
  Axis unless(std::size_t touched) const { return touched == axis ? Axis() : Axis(axis); }
  std::size_t axisAttribute(std::int64_t fallback) const {
    return static_cast<std::size_t>(normalAxis(layer.attrs.integer("axis", fallback), in(0).size()));
  }

  Axis broadcast() const {
    const std::size_t to = axis + out().size() - in(input).size();
    return out()[to] == in(input)[axis] ? Axis(to) : Axis();
  }
  Axis reshape() const {
    const auto product = [](const Shape& s, std::size_t end) { return extentProduct(s, 0, end); };
    for (std::size_t to = 0; to < out().size(); ++to)
      if (out()[to] == in(0)[axis] && product(out(), to) == product(in(0), axis)) return to;
    return {};
  }
  Axis transpose() const {
    const auto perm = layer.attrs.integers("perm");
    const auto at = std::ranges::find(perm, static_cast<std::int64_t>(axis));
    return at == perm.end() ? Axis() : Axis(static_cast<std::size_t>(at - perm.begin()));
  }
  Axis slice() const {
    const auto starts = layer.attrs.integers("starts"), steps = layer.attrs.integers("steps");
    const bool whole =
        starts.at(axis) == 0 && out().at(axis) == in(0)[axis] && (steps.empty() || steps.at(axis) == 1);
    return whole ? Axis(axis) : Axis();
  }
  Axis gather() const {
    const std::size_t along = axisAttribute(0), picks = in(1).size();
    if (input == 1) return along + axis;
    if (axis == along) return {};
    return axis < along ? axis : axis + picks - 1;
  }
  Axis gatherNd() const {
    const auto batch = static_cast<std::size_t>(layer.attrs.integer("batch_dims"));
    return input == 1 && axis + 1 < in(1).size() && axis >= batch ? Axis(axis) : Axis();
  }
  Axis reduce(std::vector<std::int64_t> axes) const {
    const bool keeps = layer.attrs.integer("keepdims", 1) != 0;
    for (auto& a : axes) a = normalAxis(a, in(0).size());
    if (axes.empty() || std::ranges::find(axes, static_cast<std::int64_t>(axis)) != axes.end()) return {};
    const auto before =
        std::ranges::count_if(axes, [&](std::int64_t a) { return a < static_cast<std::int64_t>(axis); });
    return keeps ? axis : axis - static_cast<std::size_t>(before);
  }
  Axis matMul() const {
    if (in(0).size() < 2 || in(1).size() < 2) return {};
    const std::size_t rank = in(input).size(), summed = input == 0 ? rank - 1 : rank - 2;
    return axis == summed ? Axis() : Axis(axis + out().size() - rank);
  }

  /// Layers that compute every item of a batch for itself.
  Axis batch() const {
    const std::string& op = layer.op;
    if (op == "RoiAlign" || op == "MaxRoiPool") return input > 0 && axis == 0 ? Axis(0) : Axis();
    const bool residual =
        input == 3 && (op == "Convolution" || op == "Deconvolution" || op == "FullyConnected");
    if (axis != 0 || (input != 0 && !residual)) return {};
    if (op == "LayerNorm" || op == "Scale") return unless(axisAttribute(op == "Scale" ? 1 : -1));
    const char* const each[] = {"Convolution", "Deconvolution", "FullyConnected", "Pool",
                                "GlobalPool",  "BatchNorm",     "InstanceNorm"};
    return std::ranges::find(each, op) == std::end(each) ? Axis() : Axis(0);
  }

  Axis operator()() const {
    const std::string& op = layer.op;
    if (walksTogether(op)) return op == "Concat" ? unless(axisAttribute(1)) : broadcast();
    if (op == "Reshape") return reshape();
    if (op == "Transpose") return transpose();
    if (op == "Slice") return slice();
    if (op == "Gather") return gather();
    if (op == "GatherNd") return gatherNd();
    if (op == "Softmax" || op == "CumSum") return unless(axisAttribute(-1));
    if (op == "MatMul") return matMul();
    if (op == "ArgReduce") return reduce({layer.attrs.integer("axis")});
    if (op == "Reduce") return reduce(layer.attrs.integers("axes"));
    return batch();
  }
};

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
  if (!walksTogether(layer.op)) return;
  const std::size_t rank = graph.tensor(layer.outputs[0]).shape.size();
  for (const TensorId id : layer.inputs) {
    if (id == kNoTensor || found.count(id)) continue;
    const Shape& shape = graph.tensor(id).shape;
    const std::size_t lead = rank - shape.size();
    if (layer.op == "Concat" || (axis >= lead && shape[axis - lead] != 1))
      refuseLayer(graph, layer, counted, "joins '" + graph.tensor(id).name + "' of fixed length to");
  }
}

std::optional<CountedExtent> follow(const Graph& graph, const Layer& layer,
                                    const std::map<TensorId, CountedExtent>& found) {
  std::optional<CountedExtent> result;
  TensorId counted = kNoTensor;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    const auto it = found.find(layer.inputs[i]);
    if (it == found.end()) continue;
    const Axis to = Follow{graph, layer, i, it->second.axis}();
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
    if (layer.op == "NonMaxSuppression") {
      for (const TensorId id : layer.inputs)
        if (found.count(id)) refuseLayer(graph, layer, id, "compares rows of");
      found[layer.outputs[0]] = {0, layer.outputs[1]};
    } else if (layer.op == "DetectionOutput") {
      for (const TensorId id : layer.inputs)
        if (found.count(id)) refuseLayer(graph, layer, id, "compares rows of");
      found[layer.outputs[0]] = {2, layer.outputs[1]};
    } else if (layer.op == "AbsMax" || layer.op == "Histogram") {
      continue;  // statistics for calibration: rows behind the last hold values of the same kind
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
