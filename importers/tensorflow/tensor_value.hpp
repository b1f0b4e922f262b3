/// \file
/// Values of TensorFlow's formats as host tensors.
#pragma once

#include <string>

#include "importers/common/budget.hpp"
#include "tensorflow/graphdef.pb.h"
#include "tessera/tensor.hpp"

namespace tessera::tensorflow {

/// Name of an element type of the format without its prefix, "HALF"; the number where it is unknown.
std::string elementTypeName(int type);

/// The type Tessera holds a type of the format in: every float as f32, integers it lacks in the next wider
/// one it has. None where it can not (texts, complex numbers, resources).
DataType heldType(int type);

/// Decodes a tensor in any of the format's encodings: raw bytes, or listed values of which the last one fills
/// what is missing. Throws Error(BadModel) where values and shape contradict each other, Error(Unsupported)
/// for element types without a held type.
HostTensor readTensor(const tessera_tensorflow::Tensor& tensor, ImportBudget& budget);

}  // namespace tessera::tensorflow
