/// \file
/// What format a model's file has, told from its bytes and not from its name.
#pragma once

#include <filesystem>
#include <string>

namespace tessera {

enum class ModelFormat {
  Onnx,          ///< and whatever is not recognised: its reader says what is wrong
  GraphDef,      ///< TensorFlow's frozen graph, binary
  GraphDefText,  ///< the same as text
  Tflite,        ///< TensorFlow Lite
  Uff,           ///< of TensorRT's converter
  CaffeText,     ///< a prototxt, which goes with a caffemodel
};

/// Looks at the first fields only. A file that can not be read counts as Onnx.
ModelFormat modelFormat(const std::filesystem::path& file);

/// Of a file or folder that another framework wrote and that no importer reads: what it is and what to do.
/// Empty where it is none of those known.
std::string foreignFormat(const std::filesystem::path& file);

}  // namespace tessera
