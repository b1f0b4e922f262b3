/// \file
/// Networks as files that other programs run.
#pragma once

#include <filesystem>

#include "tessera/calibration.hpp"
#include "tessera/passes.hpp"

namespace tessera {

/// Writes a graph, imported or built, as an ONNX model (operator set 17) that other programs run. Names of
/// inputs, outputs, layers and tensors are kept; what passes fused comes as operators of the format. A first
/// extent that layers pass on as it is, the batch, may be changed in the file. Throws Error(Unsupported),
/// which lists every layer that the format or this writer has no form for, and Error(InvalidArgument) where
/// the file can not be written.
void exportOnnx(const Graph& graph, const std::filesystem::path& file);

/// Writes the INT8 network that a calibration makes of an imported graph as an ONNX model (operator set 17)
/// with QuantizeLinear and DequantizeLinear around everything that computes on codes. Weights are codes of 8
/// bits with a scale per output channel, activations codes with one scale; names of inputs, outputs, layers
/// and tensors are kept. What passes fused comes as operators of the format. docs/numerics.md says how what
/// other programs compute from it may differ. Throws Error(Unsupported), which lists every layer that the
/// format or this writer has no form for, Error(BadCache) as assignInt8() does, and Error(InvalidArgument)
/// where the file can not be written.
void exportQdq(const Graph& imported, const Calibration& calibration, const std::filesystem::path& file,
               const PrecisionOptions& options = {}, const PassOptions& passes = {});

}  // namespace tessera
