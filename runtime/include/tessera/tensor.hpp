/// \file
/// Element types, shapes, and tensors in host memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tessera/error.hpp"
#include "tessera/tensor_data.hpp"

namespace tessera {

/// Types of elements. None: no tensor.
enum class DataType : std::uint8_t { None, Float32, Float16, Int8, UInt8, Int32, Int64, Bool };

/// Bytes of one element; 0 for None. Bool takes one byte, 0 or 1.
std::size_t byteSize(DataType type);
std::string_view toString(DataType type);       ///< "f32", "f16", "i8", "u8", "i32", "i64", "bool", "none"
DataType parseDataType(std::string_view text);  ///< throws Error(InvalidArgument)

/// Extents, outermost first. Images are N, C, H, W. A scalar has no extents.
using Shape = std::vector<std::int64_t>;

/// More elements than any tensor has. Strides, counts and bytes of shapes within it never overflow 64 bits.
inline constexpr std::int64_t kMostElements = std::int64_t{1} << 48;

/// Product of the extents, 1 for a scalar. Throws Error(InvalidArgument) where an extent is negative, or
/// where those that are not 0 multiply to more than kMostElements.
std::int64_t elementCount(const Shape& shape);
std::string toString(const Shape& shape);  ///< "1x3x512x1024"; "scalar" for no extents

/// Half precision held as its bits; arithmetic goes through float.
struct Half {
  std::uint16_t bits = 0;              ///< of IEEE binary16
  static Half fromFloat(float value);  ///< rounds to nearest even
  float toFloat() const;               ///< exact
};

/// The type of elements that a C++ type holds.
template <class T>
constexpr DataType dataTypeOf() {
  if constexpr (std::is_same_v<T, float>)
    return DataType::Float32;
  else if constexpr (std::is_same_v<T, Half>)
    return DataType::Float16;
  else if constexpr (std::is_same_v<T, std::int8_t>)
    return DataType::Int8;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return DataType::UInt8;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return DataType::Int32;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return DataType::Int64;
  else {
    static_assert(std::is_same_v<T, bool>, "no tensor has elements of this type");
    return DataType::Bool;
  }
}

/// A dense tensor in host memory, planar (row-major).
struct HostTensor {
  DataType type = DataType::None;  ///< of the elements
  Shape shape;                     ///< as many elements as `data` has
  TensorData data;                 ///< the elements, without gaps

  HostTensor() = default;
  /// Zero-initialised.
  HostTensor(DataType t, Shape s)
      : type(t), shape(std::move(s)), data(elementCount(shape) * byteSize(type)) {}

  /// Throws Error(InvalidArgument) where the number of values is not the shape's.
  template <class T>
  static HostTensor of(Shape shape, const std::vector<T>& values);
  /// A tensor that looks at elements of the caller's without copying them: weights of a network, say. They
  /// do not change meanwhile, and outlive the tensor, its copies, graphs with it as a constant and engines of
  /// these, where no `keeper` keeps them as long as it is held. Throws Error(InvalidArgument) where they do
  /// not fill the shape, or do not begin at a multiple of an element.
  template <class T>
  static HostTensor view(Shape shape, std::span<const T> elements, std::shared_ptr<const void> keeper = {}) {
    return view(dataTypeOf<T>(), std::move(shape), std::as_bytes(elements), std::move(keeper));
  }
  /// As above, of any type.
  static HostTensor view(DataType type, Shape shape, std::span<const std::byte> elements,
                         std::shared_ptr<const void> keeper = {});
  /// A float without extents.
  static HostTensor scalar(float value) { return of<float>({}, {value}); }

  std::int64_t size() const { return elementCount(shape); }  ///< elements
  /// No tensor at all; one of no elements is not empty.
  bool empty() const { return type == DataType::None; }
  /// Throws Error(InvalidArgument) that names `what` where there is no type, or the data do not fill the
  /// shape exactly.
  void check(const std::string& what) const;

  /// Elements as T; throws Error(Internal) where T is not this tensor's element type.
  template <class T>
  std::span<T> as();
  /// Likewise.
  template <class T>
  std::span<const T> as() const;

  double number(std::int64_t i) const;         ///< element i as double, whatever the type is
  std::int64_t integer(std::int64_t i) const;  ///< element i as int64, whatever the type is
  /// Stores a number, converted to the element type (integers truncate toward zero).
  void setNumber(std::int64_t i, double value);

  bool operator==(const HostTensor&) const = default;

 private:
  /// Bytes may be read as truth values.
  void requireType(DataType wanted) const {
    if (wanted != type && !(type == DataType::Bool && wanted == DataType::UInt8))
      throw Error(ErrorCode::Internal, "tensor read as another type than it has");
  }
};

template <class T>
std::span<T> HostTensor::as() {
  requireType(dataTypeOf<T>());
  return {reinterpret_cast<T*>(data.data()), data.size() / sizeof(T)};
}
template <class T>
std::span<const T> HostTensor::as() const {
  requireType(dataTypeOf<T>());
  return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
}
template <class T>
HostTensor HostTensor::of(Shape shape, const std::vector<T>& values) {
  HostTensor t(dataTypeOf<T>(), std::move(shape));
  if (static_cast<std::int64_t>(values.size()) != t.size())
    throw Error(ErrorCode::InvalidArgument, "number of values differs from the shape " + toString(t.shape));
  auto out = t.as<T>();
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = values[i];
  return t;
}

/// How a tensor lies in device memory.
///
/// Channel-blocked by `block` channels, N C H W tensors only:
///   index(n, c, y, x) = offset + n * batchStride + ((c / block) * H * W + y * W + x) * block + c % block
/// block 1 is plain planar order; the last block's unused lanes hold zeros (consumers rely on it).
/// Tensors of other ranks have block 1; their "batch" is the first extent.
struct Layout {
  int block = 1;                 ///< channels side by side; 1: planar
  std::int64_t offset = 0;       ///< first element inside the buffer: where a concat slice begins
  std::int64_t batchStride = 0;  ///< elements between batch items; 0: dense
  bool operator==(const Layout&) const = default;
};

/// Type, shape and layout of one operand. `type` None: an optional operand that is absent.
struct TensorDesc {
  DataType type = DataType::None;  ///< of the elements
  Shape shape;                     ///< extents, whatever the layout
  Layout layout;                   ///< how it lies in its buffer
  bool constant = false;           ///< its value is known when an engine is built (weights); always planar

  bool present() const { return type != DataType::None; }    ///< false: an optional operand that is absent
  std::int64_t size() const { return elementCount(shape); }  ///< elements, without unused lanes of blocks
  /// Elements one batch item takes in a dense buffer of this layout (blocked channels rounded up).
  std::int64_t itemElements() const;
  /// Elements between batch items: layout.batchStride, or itemElements() where it is dense.
  std::int64_t batchStride() const { return layout.batchStride ? layout.batchStride : itemElements(); }
  /// Bytes of a dense buffer of this layout.
  std::size_t bytes() const;
  /// True where the tensor fills its buffer alone: no offset, dense batches.
  bool dense() const {
    return layout.offset == 0 && (layout.batchStride == 0 || layout.batchStride == itemElements());
  }
  /// Whether layouts may block its channels: neither constant nor of fewer than three extents.
  bool blockable() const { return present() && !constant && shape.size() >= 3; }
  std::string text() const;  ///< "f32:1x64x128x256:b16"; ":c" marks a constant
  bool operator==(const TensorDesc&) const = default;
};

}  // namespace tessera
