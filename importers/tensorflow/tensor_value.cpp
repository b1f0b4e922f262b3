// Decodes the tensors of GraphDef files.
#include "importers/tensorflow/tensor_value.hpp"

#include <bit>
#include <cstring>

namespace tessera::tensorflow {
namespace {

using Tensor = tessera_tensorflow::Tensor;

[[noreturn]] void bad(const std::string& why) { throw Error(ErrorCode::BadModel, "its value " + why); }

Shape checkedShape(const Tensor& tensor) {
  if (tensor.tensor_shape().unknown_rank()) bad("has no shape");
  Shape shape;
  for (const auto& dim : tensor.tensor_shape().dim()) {
    if (dim.size() < 0) bad("has a negative extent");
    shape.push_back(dim.size());
  }
  try {
    elementCount(shape);
  } catch (const Error& e) {
    bad(std::string("has an impossible shape: ") + e.what());
  }
  return shape;
}

float halfToFloat(std::uint16_t bits) { return Half{bits}.toFloat(); }
float brainToFloat(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// Writes element i of type T read from raw bytes.
template <class T, class Convert>
void fromBytes(const std::string& bytes, HostTensor& out, Convert convert) {
  if (bytes.size() != static_cast<std::size_t>(out.size()) * sizeof(T))
    bad("holds " + std::to_string(bytes.size()) + " bytes, its shape " + toString(out.shape) + " wants " +
        std::to_string(static_cast<std::size_t>(out.size()) * sizeof(T)));
  for (std::int64_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
    convert(i, value);
  }
}

void storeWhole(HostTensor& out, std::int64_t i, std::int64_t value) {
  if (out.type == DataType::Int64)
    out.as<std::int64_t>()[static_cast<std::size_t>(i)] = value;
  else
    out.setNumber(i, static_cast<double>(value));
}

void readContent(const Tensor& tensor, HostTensor& out) {
  using namespace tessera_tensorflow;
  const std::string& bytes = tensor.tensor_content();
  const auto real = [&](std::int64_t i, auto value) {
    out.as<float>()[static_cast<std::size_t>(i)] = static_cast<float>(value);
  };
  const auto whole = [&](std::int64_t i, auto value) {
    storeWhole(out, i, static_cast<std::int64_t>(value));
  };
  switch (tensor.dtype()) {
    case DT_FLOAT:
      return fromBytes<float>(bytes, out, real);
    case DT_DOUBLE:
      return fromBytes<double>(bytes, out, real);
    case DT_HALF:
      return fromBytes<std::uint16_t>(bytes, out,
                                      [&](std::int64_t i, std::uint16_t v) { real(i, halfToFloat(v)); });
    case DT_BFLOAT16:
      return fromBytes<std::uint16_t>(bytes, out,
                                      [&](std::int64_t i, std::uint16_t v) { real(i, brainToFloat(v)); });
    case DT_INT8:
    case DT_QINT8:
      return fromBytes<std::int8_t>(bytes, out, whole);
    case DT_BOOL:
      return fromBytes<std::uint8_t>(bytes, out,
                                     [&](std::int64_t i, std::uint8_t v) { storeWhole(out, i, v != 0); });
    case DT_UINT8:
    case DT_QUINT8:
      return fromBytes<std::uint8_t>(bytes, out, whole);
    case DT_INT16:
      return fromBytes<std::int16_t>(bytes, out, whole);
    case DT_UINT16:
      return fromBytes<std::uint16_t>(bytes, out, whole);
    case DT_INT32:
    case DT_QINT32:
      return fromBytes<std::int32_t>(bytes, out, whole);
    case DT_UINT32:
      return fromBytes<std::uint32_t>(bytes, out, whole);
    case DT_UINT64:
      return fromBytes<std::uint64_t>(bytes, out, whole);
    default:
      return fromBytes<std::int64_t>(bytes, out, whole);
  }
}

/// Listed values; the last one stands for all that are missing, and none at all for zeros.
template <class List, class Store>
void fromList(const List& list, HostTensor& out, Store store) {
  const auto count = static_cast<std::int64_t>(list.size());
  if (count > out.size()) bad("lists more values than its shape " + toString(out.shape) + " has");
  for (std::int64_t i = 0; count > 0 && i < out.size(); ++i)
    store(i, list.Get(static_cast<int>(std::min(i, count - 1))));
}

void readList(const Tensor& tensor, HostTensor& out) {
  using namespace tessera_tensorflow;
  const auto real = [&](std::int64_t i, auto value) {
    out.as<float>()[static_cast<std::size_t>(i)] = static_cast<float>(value);
  };
  const auto whole = [&](std::int64_t i, auto value) {
    storeWhole(out, i, static_cast<std::int64_t>(value));
  };
  switch (tensor.dtype()) {
    case DT_FLOAT:
      return fromList(tensor.float_val(), out, real);
    case DT_DOUBLE:
      return fromList(tensor.double_val(), out, real);
    case DT_HALF:
      return fromList(tensor.half_val(), out, [&](std::int64_t i, std::int32_t v) {
        real(i, halfToFloat(static_cast<std::uint16_t>(v)));
      });
    case DT_BFLOAT16:
      return fromList(tensor.half_val(), out, [&](std::int64_t i, std::int32_t v) {
        real(i, brainToFloat(static_cast<std::uint16_t>(v)));
      });
    case DT_INT64:
      return fromList(tensor.int64_val(), out, whole);
    case DT_BOOL:
      return fromList(tensor.bool_val(), out, whole);
    case DT_UINT32:
      return fromList(tensor.uint32_val(), out, whole);
    case DT_UINT64:
      return fromList(tensor.uint64_val(), out, whole);
    default:
      return fromList(tensor.int_val(), out, whole);
  }
}

}  // namespace

std::string elementTypeName(int type) {
  const std::string name = tessera_tensorflow::DataType_Name(static_cast<tessera_tensorflow::DataType>(type));
  return name.rfind("DT_", 0) == 0 ? name.substr(3) : std::to_string(type);
}

DataType heldType(int type) {
  using namespace tessera_tensorflow;
  switch (type) {
    case DT_FLOAT:
    case DT_DOUBLE:
    case DT_HALF:
    case DT_BFLOAT16:
      return DataType::Float32;
    case DT_INT8:
    case DT_QINT8:
      return DataType::Int8;
    case DT_UINT8:
    case DT_QUINT8:
      return DataType::UInt8;
    case DT_INT16:
    case DT_UINT16:
    case DT_INT32:
    case DT_QINT32:
      return DataType::Int32;
    case DT_UINT32:
    case DT_UINT64:
    case DT_INT64:
      return DataType::Int64;
    case DT_BOOL:
      return DataType::Bool;
    default:
      return DataType::None;
  }
}

HostTensor readTensor(const Tensor& tensor, ImportBudget& budget) {
  const DataType type = heldType(tensor.dtype());
  if (type == DataType::None)
    throw Error(ErrorCode::Unsupported,
                "Tessera has no type for elements of type " + elementTypeName(tensor.dtype()));
  const Shape shape = checkedShape(tensor);
  budget.hold(type, shape);
  HostTensor out(type, shape);
  if (!tensor.tensor_content().empty())
    readContent(tensor, out);
  else
    readList(tensor, out);
  return out;
}

}  // namespace tessera::tensorflow
