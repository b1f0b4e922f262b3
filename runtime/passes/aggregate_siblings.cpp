// aggregate-siblings: convolutions that read one input with equal parameters become one, whose filters are
// theirs one after the other; each reads its part of the output through a slice of channels. It pays where
// the convolutions are narrow and the slices cost nothing: they come one after another in one concat, or
// begin at a multiple of what blocked layouts use, so that they are views.
#include <algorithm>
#include <map>

#include "passes/rewrite.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kNarrow = 64;        ///< filters of one sibling
constexpr std::int64_t kMostFilters = 256;  ///< of all together
constexpr std::int64_t kViewAlignment = 32;

bool constantOrAbsent(const EditedGraph& graph, TensorId id) {
  return id == kNoTensor || constantValue(graph, id);
}

bool canJoin(const EditedGraph& graph, const Layer& layer) {
  if (layer.op != "Convolution" || layer.attrs.integer("group", 1) != 1) return false;
  if (!constantValue(graph, layer.inputs[kWeightsInput]) || inputAt(layer, kResidualInput) != kNoTensor)
    return false;
  if (graph.tensor(layer.inputs[kWeightsInput]).type != DataType::Float32) return false;
  if (graph.tensor(layer.outputs[0]).shape.size() < 3 || graph.isOutput(layer.outputs[0])) return false;
  return constantOrAbsent(graph, inputAt(layer, kBiasInput)) &&
         constantOrAbsent(graph, inputAt(layer, kSlopeInput)) && outputChannels(graph, layer) <= kNarrow;
}

/// What siblings have in common: input, window, activation.
std::string kinship(const EditedGraph& graph, const Layer& layer) {
  const Shape& weights = graph.tensor(layer.inputs[kWeightsInput]).shape;
  return std::to_string(layer.inputs[0]) + " " + toString(Shape(weights.begin() + 1, weights.end())) + " " +
         layer.attrs.text();
}

/// The concat that alone reads the siblings' outputs, one after another in this order; -1 where there is
/// none.
int sharedConcat(const EditedGraph& graph, const std::vector<int>& siblings) {
  const int concat = soleConsumer(graph, graph.layers()[siblings[0]].outputs[0]);
  if (concat < 0 || graph.layers()[concat].op != "Concat" ||
      graph.layers()[concat].attrs.integer("axis") != 1)
    return -1;
  const auto& inputs = graph.layers()[concat].inputs;
  const auto first = std::find(inputs.begin(), inputs.end(), graph.layers()[siblings[0]].outputs[0]);
  if (inputs.end() - first < static_cast<std::ptrdiff_t>(siblings.size())) return -1;
  for (std::size_t i = 0; i < siblings.size(); ++i) {
    const TensorId output = graph.layers()[siblings[i]].outputs[0];
    if (first[static_cast<std::ptrdiff_t>(i)] != output || soleConsumer(graph, output) != concat) return -1;
  }
  return concat;
}

bool slicesAreViews(const EditedGraph& graph, const std::vector<int>& siblings) {
  for (std::size_t i = 0; i + 1 < siblings.size(); ++i)
    if (outputChannels(graph, graph.layers()[siblings[i]]) % kViewAlignment) return false;
  return true;
}

/// The siblings' values of one operand, one after another; `fallback` where one lacks it, kNoTensor where all
/// do.
TensorId joinedOperands(EditedGraph& graph, const std::vector<Layer>& siblings, std::size_t slot,
                        const std::string& what) {
  if (std::all_of(siblings.begin(), siblings.end(),
                  [&](const Layer& s) { return inputAt(s, slot) == kNoTensor; }))
    return kNoTensor;
  std::vector<double> values;
  Shape shape = {0};
  for (const Layer& sibling : siblings) {
    const auto channels = outputChannels(graph, sibling);
    const HostTensor* own = constantValue(graph, inputAt(sibling, slot));
    if (slot == kWeightsInput) shape.assign(own->shape.begin(), own->shape.end());
    const std::int64_t count = slot == kWeightsInput ? own->size() : channels;
    for (std::int64_t i = 0; i < count; ++i)
      values.push_back(own ? own->number(own->size() == 1 ? 0 : i) : 0.0);
  }
  shape[0] = 0;
  for (const Layer& sibling : siblings) shape[0] += outputChannels(graph, sibling);
  return addFloats(graph, siblings[0].name + ":" + what, shape, values);
}

void aggregate(EditedGraph& graph, const std::vector<int>& members, int concat) {
  std::vector<Layer> siblings;
  for (int index : members) siblings.push_back(graph.layers()[index]);
  Layer wide = siblings[0];
  wide.inputs = {siblings[0].inputs[0]};
  setInput(wide, kWeightsInput, joinedOperands(graph, siblings, kWeightsInput, "weights"));
  const TensorId bias = joinedOperands(graph, siblings, kBiasInput, "bias"),
                 slope = joinedOperands(graph, siblings, kSlopeInput, "slope");
  if (bias != kNoTensor) setInput(wide, kBiasInput, bias);
  if (slope != kNoTensor) setInput(wide, kSlopeInput, slope);

  const std::string name = graph.tensor(siblings[0].outputs[0]).name + "/siblings";
  const TensorId all = graph.insertBefore(members[0], wide, name);
  if (concat >= 0) {
    Layer reader = graph.layers()[concat];
    const auto first = std::find(reader.inputs.begin(), reader.inputs.end(), siblings[0].outputs[0]);
    *first = all;
    reader.inputs.erase(first + 1, first + static_cast<std::ptrdiff_t>(siblings.size()));
    const bool alone = reader.inputs.size() == 1;
    graph.setLayer(concat, std::move(reader));
    for (int index : members) graph.erase(index);
    if (alone) bypass(graph, concat, all);
    return;
  }
  std::int64_t channel = 0;
  const Shape whole = graph.tensor(all).shape;
  for (int index : members) {
    const Layer sibling = graph.layers()[index];
    std::vector<std::int64_t> starts(whole.size(), 0), sizes = graph.tensor(sibling.outputs[0]).shape;
    starts[1] = channel;
    channel += sizes[1];
    graph.setLayer(
        index,
        {sibling.name + "/slice", "Slice", {{"starts", starts}, {"sizes", sizes}}, {all}, sibling.outputs});
  }
}

/// Joins the layers from `family[from]` on that may be one; returns how many did, 0 where that is not
/// possible.
std::size_t joinFrom(EditedGraph& graph, const std::vector<int>& family, std::size_t from) {
  std::vector<int> members;
  std::int64_t filters = 0;
  for (std::size_t i = from; i < family.size(); ++i) {
    const std::int64_t own = outputChannels(graph, graph.layers()[family[i]]);
    if (!members.empty() && filters + own > kMostFilters) break;
    filters += own;
    members.push_back(family[i]);
  }
  if (members.size() < 2) return 0;
  const int concat = sharedConcat(graph, members);
  if (concat < 0 && !slicesAreViews(graph, members)) return 0;
  aggregate(graph, members, concat);
  return members.size();
}

}  // namespace

bool pass_aggregate_siblings(Graph& graph) {
  EditedGraph edited(graph);
  std::map<std::string, std::vector<int>> families;
  for (int i = edited.first(); i >= 0; i = edited.next(i))
    if (canJoin(edited, edited.layers()[i])) families[kinship(edited, edited.layers()[i])].push_back(i);
  bool changed = false;
  for (const auto& [kin, family] : families)
    for (std::size_t from = 0; from + 1 < family.size();) {
      const std::size_t joinedOperands = joinFrom(edited, family, from);
      changed |= joinedOperands > 0;
      from += std::max<std::size_t>(joinedOperands, 1);
    }
  return changed;
}

}  // namespace tessera
