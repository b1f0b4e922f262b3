/// \file
/// Values of the ONNX format as host tensors.
#pragma once

#include <filesystem>
#include <string>

#include "importers/common/budget.hpp"
#include "importers/onnx/model_file.hpp"
#include "onnx/onnx.pb.h"
#include "tessera/tensor.hpp"

namespace tessera::onnx {

/// Name of an element type of the format, e.g. "FLOAT16"; the number where it is unknown.
std::string elementTypeName(int onnxType);

/// The type Tessera holds a type of the format in: every float as f32; integers it lacks in the next wider
/// one it has (int16 and uint16 as i32, uint32 and uint64 as i64). None where it can not (strings, complex,
/// 4- and 8-bit floats).
DataType heldType(int onnxType);

/// Where values lie that a tensor does not hold itself.
struct TensorFiles {
  std::filesystem::path folder;      ///< of the model: files of their own lie below it
  const ModelFile* model = nullptr;  ///< the model's, where tensors refer to it
};

/// Decodes a tensor in any of the format's encodings. Throws Error(BadModel) where data are missing or
/// contradict the shape, Error(Unsupported) for element types without a held type. Messages name the tensor.
/// `budget`: of the import it belongs to, null for none; it also grows by the files that hold values.
HostTensor readTensor(const tessera_onnx::Tensor& tensor, const TensorFiles& files,
                      ImportBudget* budget = nullptr);

}  // namespace tessera::onnx
