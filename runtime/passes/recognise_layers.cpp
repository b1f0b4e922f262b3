// recognise-layers: normalisation, global pooling, channel shuffles and fully connected layers that exporters
// write out as reductions, transposes and matrix products.
#include <algorithm>
#include <numeric>

#include "passes/pattern.hpp"

namespace tessera {
namespace {

using Values = std::vector<std::int64_t>;

/// The axes of a mean over `of` that keeps its extents as 1; nothing where `id` is something else.
std::optional<Values> meanAxes(const EditedGraph& graph, TensorId id, TensorId of) {
  const Layer* mean = madeBy(graph, id, "Reduce");
  if (!mean || mean->attrs.string("mode", "sum") != "mean" || mean->inputs[0] != of) return std::nullopt;
  if (mean->attrs.integer("keepdims", 1) != 1) return std::nullopt;
  return mean->attrs.integers("axes");
}

/// x and the axes where `id` is x minus its mean.
struct Centred {
  TensorId x = kNoTensor;
  Values axes;
  bool operator==(const Centred&) const = default;
};
std::optional<Centred> centred(const EditedGraph& graph, TensorId id) {
  const Layer* difference = madeBy(graph, id, "Sub");
  if (!difference) return std::nullopt;
  const auto axes = meanAxes(graph, difference->inputs[1], difference->inputs[0]);
  if (!axes) return std::nullopt;
  return Centred{difference->inputs[0], *axes};
}

/// Epsilon where `id` is the standard deviation of `value` (or, `inverse`, its reciprocal).
std::optional<double> deviationEpsilon(const EditedGraph& graph, TensorId id, const Centred& value,
                                       bool inverse) {
  TensorId shifted = kNoTensor;
  if (inverse) {
    if (const Layer* power = madeBy(graph, id, "Power"); power && power->attrs.number("alpha", 1) == -0.5)
      shifted = power->inputs[0];
    else if (const Layer* reciprocal = madeBy(graph, id, "Reciprocal"))
      id = reciprocal->inputs[0];
    else
      return std::nullopt;
  }
  if (shifted == kNoTensor) {
    const Layer* root = madeBy(graph, id, "Sqrt");
    if (!root) return std::nullopt;
    shifted = root->inputs[0];
  }
  const auto variance = affineView(graph, shifted);
  if (variance.alpha != 1 || variance.beta < 0) return std::nullopt;
  const Layer* mean = madeBy(graph, variance.input, "Reduce");
  const Layer* square = mean ? madeBy(graph, mean->inputs[0], "Mul") : nullptr;
  if (!square || square->inputs[0] != square->inputs[1] ||
      meanAxes(graph, variance.input, mean->inputs[0]) != value.axes)
    return std::nullopt;
  const auto squared = centred(graph, square->inputs[0]);
  if (!squared || *squared != value) return std::nullopt;
  return variance.beta;
}

/// (x - mean) / sqrt(variance + epsilon)
bool toMeanVariance(EditedGraph& graph, int index) {
  const Layer& layer = graph.layers()[index];
  if (layer.op != "Div" && layer.op != "Mul") return false;
  for (const std::size_t slot : {0u, 1u}) {
    if (slot == 1 && layer.op == "Div") break;
    const auto value = centred(graph, layer.inputs[slot]);
    if (!value) continue;
    const auto epsilon = deviationEpsilon(graph, layer.inputs[1 - slot], *value, layer.op == "Mul");
    if (!epsilon) continue;
    become(graph, index, "MeanVariance", {value->x}, {{"axes", value->axes}, {"epsilon", *epsilon}});
    return true;
  }
  return false;
}

/// A constant f32 operand of exactly the extents of `shape` from `axis` on, leading extents of 1 aside.
TensorId trailingConstant(EditedGraph& graph, TensorId id, const Shape& shape, std::int64_t axis) {
  const HostTensor* value = constantValue(graph, id);
  if (!value || value->type != DataType::Float32) return kNoTensor;
  const Shape wanted(shape.begin() + axis, shape.end());
  Shape have = value->shape;
  while (have.size() > wanted.size() && have.front() == 1) have.erase(have.begin());
  if (have != wanted) return kNoTensor;
  if (have == value->shape) return id;
  HostTensor copy = *value;
  copy.shape = wanted;
  const std::string name = graph.tensor(id).name;
  return graph.addConstant(name, std::move(copy));
}

/// MeanVariance over the last axes, times a constant: LayerNorm; plus a constant: its bias.
bool toLayerNorm(EditedGraph& graph, int index) {
  const Layer layer = graph.layers()[index];
  if (layer.op != "Mul" && layer.op != "Add") return false;
  const Shape shape = graph.tensor(layer.outputs[0]).shape;
  for (const std::size_t slot : {0u, 1u}) {
    const Layer* before = producerLayer(graph, layer.inputs[slot]);
    if (!before || soleConsumer(graph, layer.inputs[slot]) != index) continue;
    if (layer.op == "Mul" && before->op == "MeanVariance") {
      const auto axes = before->attrs.integers("axes");
      const std::int64_t axis = axes.empty() ? -1 : axes.front();
      Values trailing(axis < 0 ? 0 : shape.size() - axis);
      std::iota(trailing.begin(), trailing.end(), axis);
      if (axes.empty() || axes != trailing || before->attrs.integer("epsilon_outside", 0) ||
          !before->attrs.integer("normalize_variance", 1))
        continue;
      const double epsilon = before->attrs.number("epsilon", 1e-9);
      const TensorId x = before->inputs[0],
                     scale = trailingConstant(graph, layer.inputs[1 - slot], shape, axis);
      if (scale == kNoTensor) continue;
      become(graph, index, "LayerNorm", {x, scale}, {{"axis", axis}, {"epsilon", epsilon}});
      return true;
    }
    if (layer.op == "Add" && before->op == "LayerNorm" && inputAt(*before, 2) == kNoTensor) {
      Layer norm = *before;
      const auto axis = norm.attrs.integer("axis", -1);
      const TensorId bias =
          trailingConstant(graph, layer.inputs[1 - slot], shape,
                           axis < 0 ? axis + static_cast<std::int64_t>(shape.size()) : axis);
      if (bias == kNoTensor) continue;
      setInput(norm, 2, bias);
      replacePair(graph, graph.producer(layer.inputs[slot]), index, std::move(norm));
      return true;
    }
  }
  return false;
}

/// Puts op(inputs) in front of layer `index`, which becomes the reshape of its result into the tensor it
/// gave.
void becomeReshaped(EditedGraph& graph, int index, const std::string& op, std::vector<TensorId> inputs,
                    Attributes attrs = {}) {
  const TensorId result = graph.layers()[index].outputs[0];
  const std::string name = graph.layers()[index].name;
  const TensorId inner = graph.insertBefore(index, {name, op, std::move(attrs), std::move(inputs), {}},
                                            graph.tensor(result).name + "/flat");
  graph.setLayer(
      index,
      {name + "/reshape", "Reshape", {{"shape", Values(graph.tensor(result).shape)}}, {inner}, {result}});
}

/// A mean or maximum over all spatial extents.
bool toGlobalPool(EditedGraph& graph, int index) {
  const Layer& layer = graph.layers()[index];
  if (layer.op != "Reduce") return false;
  const std::string mode = layer.attrs.string("mode", "sum");
  const Shape x = graph.tensor(layer.inputs[0]).shape;
  if ((mode != "mean" && mode != "max") || x.size() < 3 ||
      graph.tensor(layer.inputs[0]).type != DataType::Float32)
    return false;
  Values spatial(x.size() - 2);
  std::iota(spatial.begin(), spatial.end(), 2);
  if (layer.attrs.integers("axes") != spatial) return false;
  const bool keeps = layer.attrs.integer("keepdims", 1) == 1;
  const Attributes attrs = {{"mode", std::string(mode == "max" ? "max" : "average")}};
  const TensorId input = layer.inputs[0];
  if (keeps)
    become(graph, index, "GlobalPool", {input}, attrs);
  else
    becomeReshaped(graph, index, "GlobalPool", {input}, attrs);
  return true;
}

/// Channels seen as groups x members, swapped, and flattened again.
bool toChannelShuffle(EditedGraph& graph, int index) {
  const Layer& last = graph.layers()[index];
  const Layer* swap = last.op == "Reshape" ? madeBy(graph, last.inputs[0], "Transpose") : nullptr;
  const Layer* split = swap ? madeBy(graph, swap->inputs[0], "Reshape") : nullptr;
  if (!split) return false;
  const Shape x = graph.tensor(split->inputs[0]).shape, wide = graph.tensor(split->outputs[0]).shape;
  if (x.size() < 3 || graph.tensor(last.outputs[0]).shape != x || wide.size() < 3) return false;
  // The batch, groups, members, and the spatial extents in any grouping.
  if (wide[0] != x[0] || wide[1] * wide[2] != x[1]) return false;
  Values perm(wide.size());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[1], perm[2]);
  if (swap->attrs.integers("perm") != perm) return false;
  become(graph, index, "ChannelShuffle", {split->inputs[0]}, {{"group", wide[1]}});
  return true;
}

/// ShuffleNet v2: channels dealt out to `parts` halves; each half is every `parts`-th channel.
///   x [N, C, H, W] -> [N C/p, p, HW] -> transposed (1, 0, 2) -> [p, N, C/p, H, W] -> one of p
bool toChannelStride(EditedGraph& graph, int index) {
  const Layer& pick = graph.layers()[index];
  const HostTensor* which = pick.op == "Gather" ? constantValue(graph, pick.inputs[1]) : nullptr;
  if (!which || !which->shape.empty() || pick.attrs.integer("axis", 0) != 0) return false;
  const Layer* merge = madeBy(graph, pick.inputs[0], "Reshape");
  const Layer* swap = merge ? madeBy(graph, merge->inputs[0], "Transpose") : nullptr;
  const Layer* split = swap ? madeBy(graph, swap->inputs[0], "Reshape") : nullptr;
  if (!split || swap->attrs.integers("perm") != Values{1, 0, 2}) return false;
  const Shape x = graph.tensor(split->inputs[0]).shape, rows = graph.tensor(split->outputs[0]).shape,
              dealt = graph.tensor(merge->outputs[0]).shape, y = graph.tensor(pick.outputs[0]).shape;
  if (x.size() < 3 || rows.size() != 3) return false;
  const std::int64_t parts = rows[1];
  Shape half = x;
  if (parts < 1 || x[1] % parts) return false;
  half[1] /= parts;
  if (y != half || rows[0] != x[0] * half[1] || dealt.size() != x.size() + 1 || dealt[0] != parts)
    return false;
  const std::int64_t at = which->integer(0) < 0 ? which->integer(0) + parts : which->integer(0);
  Values starts(x.size(), 0), steps(x.size(), 1);
  starts[1] = at, steps[1] = parts;
  become(graph, index, "Slice", {split->inputs[0]},
         {{"starts", starts}, {"sizes", Values(half)}, {"steps", steps}});
  return true;
}

HostTensor transposed(const HostTensor& matrix) {
  const auto rows = matrix.shape[0], columns = matrix.shape[1];
  HostTensor out(DataType::Float32, {columns, rows});
  const auto from = matrix.as<float>();
  auto to = out.as<float>();
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
  return out;
}

/// A product with a constant matrix.
bool toFullyConnected(EditedGraph& graph, int index) {
  const Layer layer = graph.layers()[index];
  const HostTensor* matrix = layer.op == "MatMul" ? constantValue(graph, layer.inputs[1]) : nullptr;
  if (!matrix || matrix->type != DataType::Float32 || matrix->shape.size() != 2) return false;
  const Shape x = graph.tensor(layer.inputs[0]).shape;
  if (x.size() < 2 || graph.tensor(layer.inputs[0]).isConstant()) return false;
  const TensorId weights = graph.addConstant(layer.name + ":weights", transposed(*matrix));
  const std::int64_t columns = x.back(), rows = elementCount(x) / std::max<std::int64_t>(columns, 1);
  if (x.size() == 2) {
    become(graph, index, "FullyConnected", {layer.inputs[0], weights}, layer.attrs);
    return true;
  }
  const TensorId flat = graph.insertBefore(
      index, {layer.name + "/rows", "Reshape", {{"shape", Values{rows, columns}}}, {layer.inputs[0]}, {}},
      layer.name + "/rows");
  becomeReshaped(graph, index, "FullyConnected", {flat, weights}, layer.attrs);
  return true;
}

bool recogniseNormalisation(EditedGraph& graph, int index) {
  return toMeanVariance(graph, index) || toLayerNorm(graph, index);
}

bool recogniseOthers(EditedGraph& graph, int index) {
  return toGlobalPool(graph, index) || toChannelShuffle(graph, index) || toChannelStride(graph, index) ||
         toFullyConnected(graph, index);
}

}  // namespace

bool pass_recognise_layers(Graph& graph) {
  const bool changed = sweep(graph, recogniseNormalisation);  // its means must not become poolings first
  return sweep(graph, recogniseOthers) || changed;
}

}  // namespace tessera
