/// \file
/// Layers that compute on floats, or move values, as operators of ONNX.
#pragma once

#include <string>
#include <vector>

#include "exporters/onnx/model_writer.hpp"
#include "ops/pointwise_chain.hpp"

namespace tessera::onnx {

/// A layer to be written: what it reads, as values of the model, and what it gives.
struct WrittenLayer {
  const Graph& graph;
  const Layer& layer;
  std::vector<std::string> inputs;   ///< "" for an absent one
  std::vector<std::string> outputs;  ///< names that its results shall have

  const Shape& shape(std::size_t input) const { return graph.tensor(layer.inputs.at(input)).shape; }
  const Shape& outputShape(std::size_t i = 0) const { return graph.tensor(layer.outputs.at(i)).shape; }
  /// "" where there is none.
  std::string input(std::size_t i) const { return i < inputs.size() ? inputs[i] : std::string(); }
  [[noreturn]] void refuse(const std::string& reason) const;  ///< throws Error(Unsupported)
};

/// Writes the layer. Throws Error(Unsupported) with a reason where there is no form for it.
void writeFloatLayer(ModelWriter& model, const WrittenLayer& layer);

/// y = op(operands) with the constants of its row, as operators of ONNX; returns `output`.
std::string writePointwise(ModelWriter& model, const std::string& op,
                           const std::vector<std::string>& operands, double alpha, double beta,
                           const std::string& name, const std::string& output);
/// A whole chain, its last step's value under `output`.
std::string writeChain(ModelWriter& model, const PointwiseChain& chain,
                       const std::vector<std::string>& inputs, const std::string& name,
                       const std::string& output);

/// Strides, dilations, pads and groups of a layer with a window of so many extents, as ONNX names them.
Attributes windowAttributes(const Layer& layer, std::size_t extents);

}  // namespace tessera::onnx
