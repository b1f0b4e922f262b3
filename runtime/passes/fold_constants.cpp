// fold-constants: a layer whose inputs are all constants is computed now.
#include <algorithm>

#include "graph/evaluate.hpp"
#include "ops/operator.hpp"
#include "passes/rewrite.hpp"

namespace tessera {
namespace {

/// Results beyond this are kept as layers where they are larger than what they are made of (Expand, Tile).
constexpr std::int64_t kMaxGrowth = 1 << 20;
/// Multiply-adds that are not worth saving a run. What is proportional to the operands always is.
constexpr double kMaxWork = 1 << 26, kWorkPerElement = 64;
/// Bytes that one sweep may make, and its work, beside some for each byte of the constants there are.
constexpr double kMaxBytes = 256 << 20, kMaxSweepWork = 1 << 28;

class Folding {
 public:
  explicit Folding(const Graph& graph) {
    for (const GraphTensor& tensor : graph.tensors()) {
      if (!tensor.isConstant()) continue;
      room_ += 4 * static_cast<double>(tensor.constant->data.size());
      work_ += kWorkPerElement * static_cast<double>(tensor.constant->size());
    }
  }
  bool exhausted() const { return exhausted_; }

  bool operator()(EditedGraph& graph, int index) {
    const Layer& layer = graph.layers()[index];
    if (!worthwhile(graph, layer)) return false;
    std::vector<HostTensor> operands;
    for (TensorId id : layer.inputs)
      operands.push_back(id == kNoTensor ? HostTensor{} : *graph.tensor(id).constant);
    auto results = evaluateLayer(graph, layer, operands);
    for (std::size_t i = 0; i < results.size(); ++i)
      graph.editTensor(layer.outputs[i]).constant = std::make_shared<const HostTensor>(std::move(results[i]));
    graph.erase(index);
    return true;
  }

 private:
  bool worthwhile(const EditedGraph& graph, const Layer& layer) {
    if (layer.inputs.empty() || traitsOf(layer.op).countedExtent)
      return false;  // its length depends on values
    std::int64_t given = 0, made = 0;
    double bytes = 0;
    for (TensorId id : layer.inputs) {
      if (id == kNoTensor) continue;
      if (!graph.tensor(id).isConstant()) return false;
      given += graph.tensor(id).constant->size();
    }
    for (TensorId id : layer.outputs) {
      if (graph.isOutput(id)) return false;  // an output is always computed by a layer
      made += elementCount(graph.tensor(id).shape);
      bytes += static_cast<double>(graph.tensor(id).desc().bytes());
    }
    if (made > std::max(kMaxGrowth, given)) return false;
    const double work = evaluationWork(graph, layer);
    if (work > kMaxWork + kWorkPerElement * static_cast<double>(given)) return false;
    exhausted_ |= bytes > room_ || work > work_;
    if (exhausted_) return false;
    room_ -= bytes;
    work_ -= work;
    return true;
  }

  double room_ = kMaxBytes, work_ = kMaxSweepWork;
  bool exhausted_ = false;
};

}  // namespace

bool pass_fold_constants(Graph& graph) {
  Folding folding(graph);
  const bool changed = sweep(graph, [&](EditedGraph& g, int index) { return folding(g, index); });
  if (!folding.exhausted()) return changed;
  graph.compact();  // what is left is for the device: the passes must not come back for it, round after round
  graph.verify();
  return false;
}

}  // namespace tessera
