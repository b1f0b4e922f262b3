/// \file
/// ONNX files as such: what a model asks for, and single tensors as conformance data holds them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tessera/tensor.hpp"

namespace tessera::onnx {

/// A tensor file (`.pb`): its value as Tessera holds it, its name, and the format's name of its element type.
struct TensorFile {
  HostTensor value;
  std::string name;
  std::string elementType;
};

/// Throws Error(BadModel) where the file is none, Error(Unsupported) where it holds what Tessera can not.
TensorFile readTensorFile(const std::filesystem::path& file);

/// An input or output of a model's graph.
struct ModelValue {
  std::string name;
  std::string elementType;  ///< the format's name of it; "" for what is no tensor
};

/// What a model file asks for, without importing it.
struct ModelSummary {
  std::vector<std::string>
      operators;  ///< types of its nodes, sorted, each once; "domain.Type" outside ONNX's own
  int opset = 0;  ///< version of ONNX's own operator set; 0: none given
  std::vector<ModelValue> inputs, outputs;  ///< of the graph, initialisers left out
};

/// Throws Error(BadModel) where the file is none.
ModelSummary summarize(const std::filesystem::path& file);

}  // namespace tessera::onnx
