// Reads TensorFlow Lite files.
#include "importers/tflite/model.hpp"

#include "base/read_file.hpp"
#include "importers/tflite/import.hpp"

namespace tessera::tflite {

ModelFile readModel(const std::filesystem::path& file) {
  constexpr std::uintmax_t kMostBytes = std::uintmax_t{0x7fffffff};  // what offsets of the format reach
  FileContent content = readRegularFile(file, kMostBytes);
  if (!content.ok())
    throw Error(ErrorCode::BadModel, file.string() + " can not be read: " + content.why + ".");
  ModelFile read{std::move(content.bytes)};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(read.bytes.data());
  constexpr flatbuffers::uoffset_t kDeepest = 64, kMostTables = 10'000'000;
  flatbuffers::Verifier verifier(bytes, read.bytes.size(), kDeepest, kMostTables);
  if (!tessera_tflite::VerifyModelBuffer(verifier))
    throw Error(ErrorCode::BadModel, file.string() +
                                         " is no TensorFlow Lite model, or it is damaged or truncated (" +
                                         std::to_string(read.bytes.size()) + " bytes).");
  read.model = tessera_tflite::GetModel(bytes);
  if (!read.model->subgraphs() || read.model->subgraphs()->size() == 0 || !read.model->subgraphs()->Get(0))
    throw Error(ErrorCode::BadModel, file.string() + " holds no graph.");
  return read;
}

std::string elementTypeName(tessera_tflite::TensorType type) {
  const std::string name = tessera_tflite::EnumNameTensorType(type);
  return name.empty() ? std::to_string(static_cast<int>(type)) : name;
}

DataType heldType(tessera_tflite::TensorType type) {
  using T = tessera_tflite::TensorType;
  switch (type) {
    case T::FLOAT32:
    case T::FLOAT16:
    case T::FLOAT64:
    case T::BFLOAT16:
      return DataType::Float32;
    case T::INT8:
      return DataType::Int8;
    case T::UINT8:
      return DataType::UInt8;
    case T::INT16:
    case T::UINT16:
    case T::INT32:
      return DataType::Int32;
    case T::INT64:
    case T::UINT32:
    case T::UINT64:
      return DataType::Int64;
    case T::BOOL:
      return DataType::Bool;
    default:
      return DataType::None;
  }
}

}  // namespace tessera::tflite

namespace tessera {

Graph importTflite(const std::filesystem::path& file, const ImportOptions& options) {
  const tflite::ModelFile model = tflite::readModel(file);
  ImportBudget budget(options);
  budget.addFile(file);
  return tensorflow::importSource(tflite::sourceOf(model, file.string()), options, budget);
}

}  // namespace tessera
