/// \file
/// A layer as its operator sees it.
#pragma once

#include "ops/operator.hpp"
#include "tessera/graph.hpp"

namespace tessera {

/// The layer's operator with attributes and operands; layouts are planar.
inline OpView viewOf(const Graph& graph, const Layer& layer) {
  OpView view{layer.op, layer.attrs, {}, {}};
  for (const TensorId id : layer.inputs)
    view.inputs.push_back(id == kNoTensor ? TensorDesc{} : graph.tensor(id).desc());
  for (const TensorId id : layer.outputs) view.outputs.push_back(graph.tensor(id).desc());
  return view;
}

}  // namespace tessera
