/// \file
/// Reads trained networks into layer graphs.
#pragma once

#include <cstdint>
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

/// How to import a model.
struct ImportOptions {
  int batch = 1;  ///< value of an open batch extent
  /// Shapes of graph inputs by name; they replace the model's. "*" fills what the model leaves open in every
  /// input of that many extents. A symbol of the model that a shape fixes has the same value wherever it
  /// appears.
  std::map<std::string, Shape> inputShapes;
  OpenShape openShape;  ///< for inputs that inputShapes does not close; goes before `batch`
  std::map<std::string, HostTensor> constants;  ///< graph inputs to freeze: they become constants
  /// Graph inputs to freeze with one number for all their elements, written as "16000", "-0.5" or "true"; it
  /// has to be a value of the input's type.
  std::map<std::string, std::string> constantNumbers;

  /// Inputs and outputs in codes (i8, u8) become f32, and are coded and decoded inside: inputs by the scale
  /// and zero point that the model decodes them with, else to the nearest code; outputs where the model codes
  /// them by a scale. For those who have images and want scores.
  bool decodeEnds = false;

  // What an import may spend, so that a small file can not take all memory or time. Large files may spend
  // more: the bounds hold beside an allowance for every byte of the model's files. Error(Unsupported) names
  // the node that goes beyond, before anything is computed.
  std::uint64_t maxConstantBytes = std::uint64_t{128}
                                   << 20;  ///< constants; beside 8 for each byte of the files
  std::uint64_t maxFoldedWork = std::uint64_t{1}
                                << 28;  ///< multiply-adds to fold constants; beside 64 a byte
  std::int64_t maxLayers = std::int64_t{1}
                           << 16;  ///< nodes after functions and loops are unrolled; and 4 a node
};

/// Imports an ONNX or TensorFlow file, or `net.prototxt,net.caffemodel`. Throws Error(BadModel) naming why,
/// or one Error(Unsupported) that lists every node Tessera can not run (name, type, version, shapes, reason).
Graph importModel(const std::string& model, const ImportOptions& options = {});

/// As importModel(), of a file of any name.
Graph importOnnx(const std::filesystem::path& file, const ImportOptions& options = {});
/// As importModel(), of files of any names.
Graph importCaffe(const std::filesystem::path& prototxt, const std::filesystem::path& caffemodel,
                  const ImportOptions& options = {});

}  // namespace tessera
