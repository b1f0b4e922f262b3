/// \file
/// Reads trained networks into layer graphs.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// Asked for the shape of an input that leaves extents open: `declared` has -1 for those, and is empty where
/// the model says nothing about the shape. What is returned fills the open extents; none: they stay open.
using OpenShape =
    std::function<std::optional<Shape>(const std::string& input, const std::vector<std::int64_t>& declared)>;

struct ImportOptions {
  int batch = 1;  ///< value of a symbolic batch dimension
  std::map<std::string, Shape>
      inputShapes;      ///< overrides a graph input's shape, by name (other symbolic dimensions)
  OpenShape openShape;  ///< for inputs that inputShapes does not close; goes before `batch`
  std::map<std::string, HostTensor> constants;  ///< graph inputs to freeze: they become constants
};

/// Imports `model.onnx`, or `net.prototxt,net.caffemodel`. Throws Error(BadModel) that names file and reason,
/// or one Error(Unsupported) that lists every node Tessera can not run (name, type, version, shapes, reason).
Graph importModel(const std::string& model, const ImportOptions& options = {});

Graph importOnnx(const std::filesystem::path& file, const ImportOptions& options = {});
Graph importCaffe(const std::filesystem::path& prototxt, const std::filesystem::path& caffemodel,
                  const ImportOptions& options = {});

}  // namespace tessera
