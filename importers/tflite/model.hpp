/// \file
/// TensorFlow Lite files: the verified model and what its tensors mean.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "importers/tensorflow/source.hpp"
#include "tessera/tensor.hpp"
#include "tflite/schema_generated.h"

namespace tessera::tflite {

/// The bytes of a file and the model in them.
struct ModelFile {
  std::string bytes;
  const tessera_tflite::Model* model = nullptr;  ///< points into `bytes`
};

/// Reads and verifies a model. Throws Error(BadModel) where the file is none or is damaged.
ModelFile readModel(const std::filesystem::path& file);

/// Name of an element type of the format.
std::string elementTypeName(tessera_tflite::TensorType type);
/// The type Tessera holds it in: floats as f32, int16 and uint16 in i32, wide unsigned ones in i64; None
/// where it can not.
DataType heldType(tessera_tflite::TensorType type);

/// The network of a file's first graph; reads constants from `file`, which has to live as long.
tensorflow::SourceGraph sourceOf(const ModelFile& file, const std::string& name);

}  // namespace tessera::tflite
