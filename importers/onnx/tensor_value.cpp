// Decodes the tensors of ONNX files: typed fields, raw bytes, and bytes in files of their own.
#include "importers/onnx/tensor_value.hpp"

#include <bit>
#include <cstring>
#include <fstream>
#include <limits>

#include "base/read_file.hpp"
#include "importers/onnx/onnx_file.hpp"

namespace tessera::onnx {
namespace {

using tessera_onnx::Tensor;

[[noreturn]] void bad(const Tensor& t, const std::string& why) {
  throw Error(ErrorCode::BadModel, "tensor '" + t.name() + "' " + why);
}

std::size_t storedBytes(int type) {
  switch (type) {
    case Tensor::UINT8:
    case Tensor::INT8:
    case Tensor::BOOL:
      return 1;
    case Tensor::UINT16:
    case Tensor::INT16:
    case Tensor::FLOAT16:
    case Tensor::BFLOAT16:
      return 2;
    case Tensor::FLOAT:
    case Tensor::INT32:
    case Tensor::UINT32:
      return 4;
    case Tensor::DOUBLE:
    case Tensor::INT64:
    case Tensor::UINT64:
      return 8;
    default:
      return 0;
  }
}

/// Extents after checking that none is negative and the whole fits into memory at all.
Shape checkedShape(const Tensor& t) {
  constexpr std::int64_t kMostValues = std::int64_t{1} << 36;
  Shape shape;
  std::int64_t count = 1;
  for (std::int64_t extent : t.dims()) {
    if (extent < 0) bad(t, "has the negative extent " + std::to_string(extent) + ".");
    if (extent > 0 && count > kMostValues / extent) bad(t, "claims more elements than any machine holds.");
    count *= extent;
    shape.push_back(extent);
  }
  return shape;
}

std::int64_t parseNumber(const Tensor& t, const std::string& key, const std::string& text) {
  try {
    std::size_t used = 0;
    const long long value = std::stoll(text, &used);
    if (used == text.size() && value >= 0) return value;
  } catch (const std::exception&) {
  }
  bad(t, "has the external " + key + " '" + text + "', which is no byte count.");
}

/// The file with the values of a tensor, at the first of them. Only files below the model's folder are
/// opened: a model must not make its reader open whatever it names.
std::ifstream externalFile(const Tensor& t, const std::filesystem::path& folder, std::size_t wanted,
                           ImportBudget* budget) {
  std::string location;
  std::int64_t offset = 0, length = -1;
  for (const auto& entry : t.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = parseNumber(t, "offset", entry.value());
    if (entry.key() == "length") length = parseNumber(t, "length", entry.value());
  }
  if (location.empty()) bad(t, "keeps its values in another file, but names none.");
  const std::filesystem::path relative(location);
  bool escapes = relative.is_absolute();
  for (const auto& part : relative) escapes |= part == "..";
  if (escapes) bad(t, "keeps its values in '" + location + "', which is not below the model's folder.");
  std::error_code ignored;
  const auto root = std::filesystem::weakly_canonical(folder.empty() ? "." : folder, ignored);
  const auto real = std::filesystem::weakly_canonical(root / relative, ignored);
  if (const auto inside = real.lexically_relative(root); inside.empty() || *inside.begin() == "..")
    bad(t, "keeps its values in '" + location + "', a link that leaves the model's folder.");
  if (const std::string why = whyNotRegular(real); !why.empty())
    bad(t, "keeps its values in '" + location + "', which can not be opened beside the model: " + why + ".");
  std::ifstream file(real, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::int64_t>(file.tellg());
  const auto need = static_cast<std::int64_t>(wanted);
  if (length >= 0 && length != need)
    bad(t,
        "has " + std::to_string(length) + " external bytes, its shape wants " + std::to_string(wanted) + ".");
  if (offset > size || size - offset < need)
    bad(t, "wants bytes " + std::to_string(offset) + " to " + std::to_string(offset + need) + " of '" +
               location + "', which has only " + std::to_string(size) + ": the file is truncated.");
  if (budget) budget->addFile(real);
  file.seekg(offset);
  return file;
}

template <class T>
T loaded(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

float fromBfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::int64_t narrowed(const Tensor& t, std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    throw Error(ErrorCode::Unsupported, "tensor '" + t.name() + "' holds the UINT64 value " +
                                            std::to_string(value) +
                                            ", and Tessera holds this type in 64 signed bits");
  return static_cast<std::int64_t>(value);
}

/// Whether raw data are what Tessera holds, byte by byte.
bool heldAsStored(int type) {
  return type == Tensor::FLOAT || type == Tensor::INT32 || type == Tensor::INT64 || type == Tensor::UINT8 ||
         type == Tensor::INT8;
}

/// Converts little-endian bytes of the other types.
void decodeRaw(const Tensor& t, const char* bytes, HostTensor& out) {
  const auto n = static_cast<std::size_t>(out.size());
  const auto each = [&]<class Stored>(Stored, auto convert) {
    using Held = decltype(convert(Stored{}));
    auto values = out.as<Held>();
    for (std::size_t i = 0; i < n; ++i) values[i] = convert(loaded<Stored>(bytes + i * sizeof(Stored)));
  };
  switch (t.data_type()) {
    case Tensor::BOOL:
      return each(std::uint8_t{}, [](std::uint8_t v) -> std::uint8_t { return v != 0; });
    case Tensor::UINT16:
      return each(std::uint16_t{}, [](std::uint16_t v) -> std::int32_t { return v; });
    case Tensor::INT16:
      return each(std::int16_t{}, [](std::int16_t v) -> std::int32_t { return v; });
    case Tensor::UINT32:
      return each(std::uint32_t{}, [](std::uint32_t v) -> std::int64_t { return v; });
    case Tensor::UINT64:
      return each(std::uint64_t{}, [&](std::uint64_t v) { return narrowed(t, v); });
    case Tensor::FLOAT16:
      return each(std::uint16_t{}, [](std::uint16_t v) { return Half{v}.toFloat(); });
    case Tensor::BFLOAT16:
      return each(std::uint16_t{}, [](std::uint16_t v) { return fromBfloat16(v); });
    case Tensor::DOUBLE:
      return each(double{}, [](double v) { return static_cast<float>(v); });
    default:
      bad(t, "has an element type without a raw encoding.");
  }
}

template <class Held, class Field, class Convert>
void decodeField(const Tensor& t, const Field& field, HostTensor& out, Convert convert) {
  if (static_cast<std::int64_t>(field.size()) != out.size())
    bad(t, "holds " + std::to_string(field.size()) + " values, its shape " + toString(out.shape) + " wants " +
               std::to_string(out.size()) + ".");
  auto values = out.as<Held>();
  for (int i = 0; i < field.size(); ++i) values[static_cast<std::size_t>(i)] = convert(field.Get(i));
}

void decodeTyped(const Tensor& t, HostTensor& out) {
  const auto asInt32 = [](auto v) { return static_cast<std::int32_t>(v); };
  const auto asInt64 = [](auto v) { return static_cast<std::int64_t>(v); };
  switch (t.data_type()) {
    case Tensor::FLOAT:
      return decodeField<float>(t, t.float_data(), out, [](float v) { return v; });
    case Tensor::DOUBLE:
      return decodeField<float>(t, t.double_data(), out, [](double v) { return static_cast<float>(v); });
    case Tensor::INT64:
      return decodeField<std::int64_t>(t, t.int64_data(), out, asInt64);
    case Tensor::UINT64:
      return decodeField<std::int64_t>(t, t.uint64_data(), out,
                                       [&](std::uint64_t v) { return narrowed(t, v); });
    case Tensor::UINT32:
      return decodeField<std::int64_t>(t, t.uint64_data(), out, asInt64);
    case Tensor::INT32:
    case Tensor::INT16:
    case Tensor::UINT16:
      return decodeField<std::int32_t>(t, t.int32_data(), out, asInt32);
    case Tensor::INT8:
      return decodeField<std::int8_t>(t, t.int32_data(), out,
                                      [](int v) { return static_cast<std::int8_t>(v); });
    case Tensor::UINT8:
      return decodeField<std::uint8_t>(t, t.int32_data(), out,
                                       [](int v) { return static_cast<std::uint8_t>(v); });
    case Tensor::BOOL:
      return decodeField<std::uint8_t>(t, t.int32_data(), out, [](int v) -> std::uint8_t { return v != 0; });
    case Tensor::FLOAT16:
      return decodeField<float>(t, t.int32_data(), out,
                                [](int v) { return Half{static_cast<std::uint16_t>(v)}.toFloat(); });
    case Tensor::BFLOAT16:
      return decodeField<float>(t, t.int32_data(), out,
                                [](int v) { return fromBfloat16(static_cast<std::uint16_t>(v)); });
    default:
      bad(t, "has an element type without a typed encoding.");
  }
}

}  // namespace

std::string elementTypeName(int onnxType) {
  if (Tensor::Type_IsValid(onnxType)) return Tensor::Type_Name(static_cast<Tensor::Type>(onnxType));
  return "number " + std::to_string(onnxType);
}

DataType heldType(int onnxType) {
  switch (onnxType) {
    case Tensor::FLOAT:
    case Tensor::FLOAT16:
    case Tensor::BFLOAT16:
    case Tensor::DOUBLE:
      return DataType::Float32;
    case Tensor::INT8:
      return DataType::Int8;
    case Tensor::UINT8:
      return DataType::UInt8;
    case Tensor::INT16:
    case Tensor::UINT16:
    case Tensor::INT32:
      return DataType::Int32;
    case Tensor::UINT32:
    case Tensor::UINT64:
    case Tensor::INT64:
      return DataType::Int64;
    case Tensor::BOOL:
      return DataType::Bool;
    default:
      return DataType::None;
  }
}

HostTensor readTensor(const Tensor& t, const TensorFiles& files, ImportBudget* budget) {
  const DataType held = heldType(t.data_type());
  if (held == DataType::None)
    throw Error(ErrorCode::Unsupported, "tensor '" + t.name() + "' holds elements of type " +
                                            elementTypeName(t.data_type()) +
                                            ", which Tessera has no type for");
  const Shape shape = checkedShape(t);
  const std::size_t bytes = static_cast<std::size_t>(elementCount(shape)) * storedBytes(t.data_type());
  const auto zeros = [&] {
    if (budget) budget->hold(held, shape);
    return HostTensor(held, shape);
  };
  // Data are compared with the shape before memory is taken: a damaged extent must not allocate gigabytes.
  const auto wantBytes = [&](std::uint64_t there) {
    if (there != bytes)
      bad(t, "holds " + std::to_string(there) + " bytes, its shape " + toString(shape) + " wants " +
                 std::to_string(bytes) + ".");
  };
  const auto fromRaw = [&](auto read) {
    if (budget && !heldAsStored(t.data_type())) budget->hold(static_cast<double>(bytes));
    HostTensor out = zeros();
    if (heldAsStored(t.data_type())) {
      read(std::span<std::byte>(out.data.data(), out.data.size()));
    } else {
      std::vector<std::byte> raw(bytes);
      read(std::span(raw));
      decodeRaw(t, reinterpret_cast<const char*>(raw.data()), out);
    }
    return out;
  };
  if (t.data_location() == Tensor::EXTERNAL) {
    std::ifstream file = externalFile(t, files.folder, bytes, budget);
    return fromRaw([&](std::span<std::byte> to) {
      file.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size()));
      if (!file) bad(t, "could not be read from its file.");
    });
  }
  if (t.has_file_offset() && files.model) {
    wantBytes(t.file_bytes());
    const std::uint64_t size = files.model->size();
    if (t.has_raw_data() || t.file_offset() > size || size - t.file_offset() < bytes)
      bad(t, "holds its raw data twice, or beyond the end of the file.");
    return fromRaw([&](std::span<std::byte> to) { files.model->read(t.file_offset(), to); });
  }
  if (t.has_raw_data()) {
    wantBytes(t.raw_data().size());
    return fromRaw([&](std::span<std::byte> to) {
      if (!to.empty()) std::memcpy(to.data(), t.raw_data().data(), to.size());
    });
  }
  const std::int64_t present = t.float_data_size() + t.int32_data_size() + t.int64_data_size() +
                               t.double_data_size() + t.uint64_data_size();
  if (present != elementCount(shape))
    bad(t, "holds " + std::to_string(present) + " values, its shape " + toString(shape) + " wants " +
               std::to_string(elementCount(shape)) + ".");
  HostTensor out = zeros();
  decodeTyped(t, out);
  return out;
}

TensorFile readTensorFile(const std::filesystem::path& file) {
  std::ifstream in;
  if (whyNotRegular(file).empty()) in.open(file, std::ios::binary);
  Tensor tensor;
  if (!in.is_open() || !tensor.ParseFromIstream(&in))
    throw Error(ErrorCode::BadModel, file.string() + " is no readable ONNX tensor file.");
  return {readTensor(tensor, {file.parent_path(), nullptr}), tensor.name(),
          elementTypeName(tensor.data_type())};
}

}  // namespace tessera::onnx
