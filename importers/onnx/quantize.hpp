/// \file
/// Codes in import functions: scales, zero points, and products of integers.
#pragma once

#include "importers/onnx/node.hpp"

namespace tessera::onnx {

/// Scales and zero points with one element become scalars.
TensorId scalarOrList(Node& node, TensorId id);

/// Where a node keeps one tensor of codes: its codes, their scale and zero point (which may be absent).
struct Coded {
  TensorId codes, scale, zero;
};
/// Inputs `first`, `first` + 1 and `first` + 2 of the node.
Coded codedInput(const Node& node, std::size_t first);

/// (codes - zero) * scale, in f32. `axis` counts where there is a scale per element of it.
TensorId dequantized(Node& node, const Coded& x, std::int64_t axis, const std::string& part);
/// Codes of the type of the zero point (u8 without one).
TensorId quantized(Node& node, TensorId x, TensorId scale, TensorId zero, std::int64_t axis, DataType to,
                   const std::string& part);
/// Sets output 0 to x in codes of the scale and zero point given by inputs `scale` and `scale` + 1.
void setQuantized(Node& node, TensorId x, std::size_t scale);

/// Codes, scale and zero point of a tensor by its own range, as DynamicQuantizeLinear defines them.
Coded quantizedByRange(Node& node, TensorId x, const std::string& part = {});

/// Codes minus their zero point in f32, and the largest absolute values that they can have.
struct Integers {
  TensorId values = kNoTensor;
  std::int64_t most = 0;
};
/// `zeroShape` places a list of zero points among the extents.
Integers centred(Node& node, TensorId codes, TensorId zero, const Shape& zeroShape);

/// Exact products of matrices of integers in i32, of any length: f32 adds integers exactly up to 2^24, so
/// longer sums are added up of shorter ones.
TensorId integerMatMul(Node& node, const Integers& a, const Integers& b);
/// The same for a convolution with the attributes given.
TensorId integerConvolution(Node& node, const Integers& x, const Integers& weights, const Attributes& attrs);

}  // namespace tessera::onnx
