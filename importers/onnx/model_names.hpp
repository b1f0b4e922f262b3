/// \file
/// Names inside an ONNX model that are not UTF-8.
#pragma once

#include "onnx/onnx.pb.h"

namespace tessera::onnx {

/// Escapes every name of a model (escapeBytes) where one of them is not UTF-8; true where it did.
bool escapeNames(tessera_onnx::Model& model);

}  // namespace tessera::onnx
