/// \file
/// TensorFlow Lite files that tests build in code.
#pragma once

#include <flatbuffers/flexbuffers.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tflite/schema_generated.h"

namespace tessera::test {

/// A model of one operator that reads tensor `name` of that shape, so many times, and makes "y" of the same
/// shape.
inline std::string operatorTflite(int code, const char* custom, const std::vector<std::int32_t>& shape,
                                  int inputs = 1, const char* name = "x",
                                  const std::vector<std::uint8_t>& options = {}) {
  namespace lite = tessera_tflite;
  flatbuffers::FlatBufferBuilder b;
  const std::vector<std::int32_t> in(static_cast<std::size_t>(inputs), 0), out{1}, first{0};
  const std::vector<flatbuffers::Offset<lite::OperatorCode>> codes{
      lite::CreateOperatorCodeDirect(b, static_cast<std::int8_t>(std::min(code, 127)), custom, 1, code)};
  const std::vector<flatbuffers::Offset<lite::Tensor>> tensors{
      lite::CreateTensorDirect(b, &shape, lite::TensorType::FLOAT32, 0, name),
      lite::CreateTensorDirect(b, &shape, lite::TensorType::FLOAT32, 0, "y")};
  const std::vector<flatbuffers::Offset<lite::Operator>> operators{lite::CreateOperatorDirect(
      b, 0, &in, &out, lite::BuiltinOptions::NONE, 0, options.empty() ? nullptr : &options)};
  const std::vector<flatbuffers::Offset<lite::SubGraph>> graphs{
      lite::CreateSubGraphDirect(b, &tensors, &first, &out, &operators)};
  const std::vector<flatbuffers::Offset<lite::Buffer>> buffers{lite::CreateBufferDirect(b)};
  lite::FinishModelBuffer(b, lite::CreateModelDirect(b, 3, &codes, &graphs, nullptr, &buffers));
  return {reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize()};
}

/// A custom operator with its options.
inline std::string customTflite(const char* name, const std::vector<std::int32_t>& shape,
                                const std::vector<std::uint8_t>& options) {
  return operatorTflite(32, name, shape, 1, "x", options);
}

}  // namespace tessera::test
