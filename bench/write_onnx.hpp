/// \file
/// Writes the reference networks as ONNX, for peers to run.
#pragma once

#include <filesystem>

#include "tessera/graph.hpp"

namespace tessera::bench {

/// Opset 13. Knows the operators of the reference networks; throws Error(Unsupported) for others.
void writeOnnx(const Graph& graph, const std::filesystem::path& file);

}  // namespace tessera::bench
