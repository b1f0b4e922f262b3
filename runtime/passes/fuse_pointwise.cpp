// fuse-pointwise: chains and small trees of pointwise layers become one Pointwise layer, so that the values
// between them never reach memory. A layer merges into the only one that reads it; values that several layers
// read stay, until merging has made those one layer.
#include <algorithm>
#include <cmath>

#include "ops/pointwise_chain.hpp"
#include "ops/shape_tools.hpp"
#include "passes/rewrite.hpp"

namespace tessera {
namespace {

constexpr std::size_t kMaxInputs = 8;  ///< kernel arguments
constexpr std::size_t kMaxSteps = 24;  ///< private values of a work item

/// A layer as a chain over the tensors it reads.
struct ChainLayer {
  PointwiseChain chain;
  std::vector<TensorId> inputs;

  /// `id` as a number where it is one.
  ChainOperand operand(const Graph& graph, TensorId id) {
    if (const auto number = scalarValue(graph, id); number && !std::isnan(*number))
      return ChainOperand::constant(static_cast<float>(*number));
    return input(id);
  }
  ChainOperand input(TensorId id) {
    const auto known = std::find(inputs.begin(), inputs.end(), id);
    if (known != inputs.end()) return ChainOperand::input(static_cast<int>(known - inputs.begin()));
    inputs.push_back(id);
    return ChainOperand::input(static_cast<int>(inputs.size()) - 1);
  }
};

/// What the tensors broadcast to.
Shape inputShape(const Graph& graph, const std::vector<TensorId>& inputs) {
  std::vector<TensorDesc> descs;
  for (TensorId id : inputs) descs.push_back(graph.tensor(id).desc());
  return broadcastShapes(descs);
}

/// A constant of extents [axis, axis + n) of x, with extents of 1 behind so that it broadcasts against x.
TensorId broadcastable(Graph& graph, TensorId id, std::size_t axis, std::size_t rank) {
  HostTensor value = *constantValue(graph, id);
  if (value.shape.size() == rank - axis) return id;
  value.shape.resize(rank - axis, 1);
  const std::string name = graph.tensor(id).name;
  return graph.addConstant(name, std::move(value));
}

/// The layer as a chain; nothing where it is no pointwise layer that gives numbers (or conditions for
/// numbers).
std::optional<ChainLayer> chainLayerOf(Graph& graph, const Layer& layer) {
  if (layer.outputs.size() != 1) return std::nullopt;
  ChainLayer made;
  if (layer.op == "Pointwise") {
    made.chain = PointwiseChain::parse(layer.attrs.string("expression"));
    made.inputs = layer.inputs;
    return made;
  }
  if (layer.op == "Scale") {
    const std::size_t rank = graph.tensor(layer.inputs[0]).shape.size();
    const auto axis = static_cast<std::size_t>(layer.attrs.integer("axis", 1));
    for (std::size_t slot : {1u, 2u})
      if (inputAt(layer, slot) != kNoTensor && !graph.tensor(layer.inputs[slot]).isConstant())
        return std::nullopt;
    const auto x = made.operand(graph, layer.inputs[0]);
    const auto scale = made.operand(graph, broadcastable(graph, layer.inputs[1], axis, rank));
    const auto product = made.chain.append("Mul", {x, scale});
    if (inputAt(layer, 2) != kNoTensor)
      made.chain.append("Add",
                        {product, made.operand(graph, broadcastable(graph, layer.inputs[2], axis, rank))});
    return made;
  }
  if (!fitsChain(layer.op)) return std::nullopt;
  const auto computed = [&](TensorId id) {
    return graph.tensor(id).type == DataType::Float32 || graph.tensor(id).type == DataType::Bool;
  };
  if (!std::all_of(layer.inputs.begin(), layer.inputs.end(), computed) || !computed(layer.outputs[0]))
    return std::nullopt;
  std::vector<ChainOperand> operands;
  for (TensorId id : layer.inputs) operands.push_back(made.operand(graph, id));
  if (inputShape(graph, made.inputs) != graph.tensor(layer.outputs[0]).shape) {
    made.inputs.clear();  // a constant of one element gives the result its rank: it must stay an input
    for (std::size_t i = 0; i < operands.size(); ++i) operands[i] = made.input(layer.inputs[i]);
  }
  made.chain.append(layer.op, std::move(operands), layer.attrs);
  return made;
}

/// `later` with `value`, which it reads, replaced by what `earlier` computes.
ChainLayer merged(const ChainLayer& earlier, const ChainLayer& later, TensorId value) {
  ChainLayer both = earlier;
  const auto offset = static_cast<int>(earlier.chain.steps.size());
  for (ChainStep step : later.chain.steps) {
    for (auto& operand : step.operands) {
      if (operand.kind == ChainOperand::Kind::Step) operand.index += offset;
      if (operand.kind != ChainOperand::Kind::Input) continue;
      const TensorId id = later.inputs[operand.index];
      operand = id == value ? ChainOperand::step(offset - 1) : both.input(id);
    }
    both.chain.steps.push_back(std::move(step));
  }
  return both;
}

bool floatsOnly(const Graph& graph, const ChainLayer& layer) {
  return std::all_of(layer.inputs.begin(), layer.inputs.end(),
                     [&](TensorId id) { return graph.tensor(id).type == DataType::Float32; });
}

/// One walk from the first layer to the last, which merges each layer with those before it while it can. Who
/// computes and how many read a tensor is kept up to date, so that large networks take time in proportion to
/// their layers.
class Fusion {
 public:
  explicit Fusion(Graph& graph) : graph_(graph), dead_(graph.layers().size(), false) {
    grow();
    for (std::size_t i = 0; i < graph.layers().size(); ++i) {
      for (TensorId id : graph.layers()[i].outputs)
        if (id != kNoTensor) producer_[id] = static_cast<int>(i);
      count(graph.layers()[i].inputs, 1);
    }
    for (TensorId id : graph.outputs()) ++readers_[id];
  }

  bool run() {
    auto& layers = graph_.editLayers();
    bool changed = false;
    for (std::size_t i = 0; i < layers.size(); ++i)
      while (mergeInto(static_cast<int>(i))) changed = true;
    if (!changed) return false;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < layers.size(); ++i)
      if (!dead_[i] && i != kept++) layers[kept - 1] = std::move(layers[i]);
    layers.resize(kept);
    return true;
  }

 private:
  /// Chains may have added constants.
  void grow() {
    producer_.resize(graph_.tensors().size(), -1);
    readers_.resize(graph_.tensors().size(), 0);
  }
  void count(std::vector<TensorId> ids, int change) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    for (TensorId id : ids)
      if (id != kNoTensor) readers_[id] += change;
  }

  bool mergeInto(int index) {
    const Layer layer = graph_.layers()[index];
    if (layer.inputs.empty() || graph_.tensor(layer.outputs.at(0)).type != DataType::Float32) return false;
    const auto later = chainLayerOf(graph_, layer);
    if (!later) return false;
    const Shape shape = graph_.tensor(layer.outputs[0]).shape;
    for (TensorId id : later->inputs) {
      grow();
      const int producer = producer_[id];
      // A value that broadcasts is cheaper computed once than in every element.
      if (producer < 0 || graph_.tensor(id).shape != shape || readers_[id] != 1) continue;
      const auto earlier = chainLayerOf(graph_, graph_.layers()[producer]);
      if (!earlier) continue;
      const ChainLayer both = merged(*earlier, *later, id);
      if (both.inputs.empty() || both.inputs.size() > kMaxInputs || both.chain.steps.size() > kMaxSteps)
        continue;
      if (!floatsOnly(graph_, both)) continue;
      replace(producer, index,
              {layer.name, "Pointwise", {{"expression", both.chain.text()}}, both.inputs, layer.outputs});
      return true;
    }
    return false;
  }

  void replace(int earlier, int later, Layer fused) {
    grow();
    auto& layers = graph_.editLayers();
    count(layers[later].inputs, -1);
    count(layers[earlier].inputs, -1);
    count(fused.inputs, 1);
    layers[later] = std::move(fused);
    layers[earlier] = {};
    dead_[earlier] = true;
  }

  Graph& graph_;
  std::vector<int> producer_;  ///< layer that computes a tensor
  std::vector<int> readers_;   ///< layers that read a tensor; a graph output counts as one
  std::vector<bool> dead_;
};

}  // namespace

bool pass_fuse_pointwise(Graph& graph) { return Fusion(graph).run(); }

}  // namespace tessera
