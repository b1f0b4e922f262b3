// Element types, shapes, host tensors.
#include "tessera/tensor.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace tessera {

std::size_t byteSize(DataType type) {
  switch (type) {
    case DataType::None:
      return 0;
    case DataType::Int8:
    case DataType::UInt8:
    case DataType::Bool:
      return 1;
    case DataType::Float16:
      return 2;
    case DataType::Float32:
    case DataType::Int32:
      return 4;
    case DataType::Int64:
      return 8;
  }
  return 0;
}

namespace {

constexpr std::pair<DataType, std::string_view> kTypeNames[] = {
    {DataType::None, "none"}, {DataType::Float32, "f32"}, {DataType::Float16, "f16"},
    {DataType::Int8, "i8"},   {DataType::UInt8, "u8"},    {DataType::Int32, "i32"},
    {DataType::Int64, "i64"}, {DataType::Bool, "bool"}};

}  // namespace

std::string_view toString(DataType type) {
  for (const auto& [value, name] : kTypeNames)
    if (value == type) return name;
  return "?";
}

DataType parseDataType(std::string_view text) {
  for (const auto& [value, name] : kTypeNames)
    if (name == text) return value;
  throw Error(ErrorCode::InvalidArgument, "unknown element type '" + std::string(text) + "'");
}

std::int64_t elementCount(const Shape& shape) {
  std::int64_t n = 1;  // of the extents that are not 0: partial products and strides must hold, too
  bool none = false;
  for (const auto extent : shape) {
    if (extent < 0)
      throw Error(ErrorCode::InvalidArgument, "shape " + toString(shape) + " has a negative extent");
    none |= extent == 0;
    if (extent > 0 && n > kMostElements / extent)
      throw Error(ErrorCode::InvalidArgument,
                  "shape " + toString(shape) + " has more elements than a tensor can have");
    if (extent > 0) n *= extent;
  }
  return none ? 0 : n;
}

std::string toString(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::string out;
  for (auto extent : shape) out += (out.empty() ? "" : "x") + std::to_string(extent);
  return out;
}

HostTensor HostTensor::view(DataType type, Shape shape, std::span<const std::byte> elements,
                            std::shared_ptr<const void> keeper) {
  HostTensor tensor;
  tensor.type = type;
  tensor.shape = std::move(shape);
  tensor.data = TensorData(elements, std::move(keeper));
  tensor.check("a view");
  if (reinterpret_cast<std::uintptr_t>(elements.data()) % byteSize(type) != 0)
    throw Error(ErrorCode::InvalidArgument,
                "a view of " + std::string(toString(type)) + " does not begin at a multiple of an element");
  return tensor;
}

void HostTensor::check(const std::string& what) const {
  try {
    if (type == DataType::None) throw Error(ErrorCode::InvalidArgument, "it has no element type");
    const std::size_t wanted = static_cast<std::size_t>(size()) * byteSize(type);
    if (data.size() != wanted)
      throw Error(ErrorCode::InvalidArgument, "it is " + std::string(toString(type)) + ":" + toString(shape) +
                                                  ", which takes " + std::to_string(wanted) +
                                                  " bytes, and holds " + std::to_string(data.size()));
  } catch (const Error& e) {
    throw Error(e.code(), what + ": " + e.what());
  }
}

double HostTensor::number(std::int64_t i) const {
  switch (type) {
    case DataType::Float32:
      return as<float>()[i];
    case DataType::Float16:
      return as<Half>()[i].toFloat();
    case DataType::Int8:
      return as<std::int8_t>()[i];
    case DataType::UInt8:
    case DataType::Bool:
      return as<std::uint8_t>()[i];
    case DataType::Int32:
      return as<std::int32_t>()[i];
    case DataType::Int64:
      return static_cast<double>(as<std::int64_t>()[i]);
    case DataType::None:
      break;
  }
  throw Error(ErrorCode::Internal, "element of an absent tensor read");
}

std::int64_t HostTensor::integer(std::int64_t i) const {
  return type == DataType::Int64 ? as<std::int64_t>()[i] : static_cast<std::int64_t>(number(i));
}

void HostTensor::setNumber(std::int64_t i, double value) {
  switch (type) {
    case DataType::Float32:
      as<float>()[i] = static_cast<float>(value);
      return;
    case DataType::Float16:
      as<Half>()[i] = Half::fromFloat(static_cast<float>(value));
      return;
    case DataType::Int8:
      as<std::int8_t>()[i] = static_cast<std::int8_t>(static_cast<std::int64_t>(value));
      return;
    case DataType::UInt8:
      as<std::uint8_t>()[i] = static_cast<std::uint8_t>(static_cast<std::int64_t>(value));
      return;
    case DataType::Bool:
      as<std::uint8_t>()[i] = value != 0;
      return;
    case DataType::Int32:
      as<std::int32_t>()[i] = static_cast<std::int32_t>(static_cast<std::int64_t>(value));
      return;
    case DataType::Int64:
      as<std::int64_t>()[i] = static_cast<std::int64_t>(value);
      return;
    case DataType::None:
      break;
  }
  throw Error(ErrorCode::Internal, "element of an absent tensor written");
}

Half Half::fromFloat(float value) {
  const std::uint32_t x = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (x >> 16) & 0x8000u;
  const std::uint32_t magnitude = x & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};
  if (magnitude < 0x38800000u) {  // subnormal half: let the float adder round
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u))};
  }
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return {static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13))};
}

float Half::toFloat() const {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fu, mantissa = bits & 0x3ffu;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign ? -magnitude : magnitude;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

std::int64_t TensorDesc::itemElements() const {
  if (shape.empty()) return 1;
  std::int64_t n = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) n *= shape[i];
  if (layout.block > 1 && shape.size() >= 2)
    n = n / std::max<std::int64_t>(shape[1], 1) *
        ((shape[1] + layout.block - 1) / layout.block * layout.block);
  return n;
}

std::size_t TensorDesc::bytes() const {
  return static_cast<std::size_t>((shape.empty() ? 1 : shape[0]) * itemElements()) * byteSize(type);
}

std::string TensorDesc::text() const {
  if (!present()) return "-";
  std::string out = std::string(toString(type)) + ":" + toString(shape);
  if (layout.block != 1) out += ":b" + std::to_string(layout.block);
  if (layout.offset) out += ":o" + std::to_string(layout.offset);
  if (layout.batchStride) out += ":s" + std::to_string(layout.batchStride);
  if (constant) out += ":c";
  return out;
}

}  // namespace tessera
