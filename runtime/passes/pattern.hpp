/// \file
/// What passes that recognise groups of layers look at graphs with.
#pragma once

#include <cmath>
#include <string_view>

#include "passes/rewrite.hpp"

namespace tessera {

/// Producer of `id` where it is the operator `op`; null otherwise.
inline const Layer* madeBy(const EditedGraph& graph, TensorId id, std::string_view op) {
  const Layer* layer = producerLayer(graph, id);
  return layer && layer->op == op ? layer : nullptr;
}

/// A value as alpha * input + beta: what an Affine computes, or the value itself.
struct AffineView {
  TensorId input = kNoTensor;
  double alpha = 1, beta = 0;
};
inline AffineView affineView(const EditedGraph& graph, TensorId id) {
  if (const Layer* affine = madeBy(graph, id, "Affine"))
    return {affine->inputs[0], affine->attrs.number("alpha", 1), affine->attrs.number("beta", 0)};
  return {id, 1, 0};
}

/// Equal up to the rounding of constants that exporters write as decimal fractions.
inline bool nearly(double value, double wanted, double relative = 1e-4) {
  return std::abs(value - wanted) <= relative * std::max(1.0, std::abs(wanted));
}

/// Gives layer `index` another operator; its output keeps its name, and the shape it had.
inline void become(EditedGraph& graph, int index, std::string op, std::vector<TensorId> inputs,
                   Attributes attrs = {}) {
  Layer layer = graph.layers()[index];
  layer.op = std::move(op);
  layer.inputs = std::move(inputs);
  layer.attrs = std::move(attrs);
  graph.setLayer(index, std::move(layer));
}

}  // namespace tessera
