/// \file
/// Index arithmetic that inference, references and kernel families share.
#pragma once

#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tessera/tensor.hpp"

namespace tessera {

/// Refuses with Error(InvalidArgument); Graph::addLayer adds the layer's name.
[[noreturn]] void refuse(const std::string& reason);
/// Refuses unless lowest <= number of present leading inputs and inputs.size() <= highest.
void wantInputs(std::span<const TensorDesc> inputs, std::size_t lowest, std::size_t highest);

/// Row-major strides in elements.
std::vector<std::int64_t> rowMajorStrides(const Shape& shape);
/// The shape that numpy broadcasting gives; refuses where extents disagree.
Shape broadcastShapes(std::span<const TensorDesc> inputs);
bool broadcastsTo(const Shape& shape, const Shape& to);
/// Strides of a tensor of `shape` walked along `out`'s extents: 0 where it is broadcast.
std::vector<std::int64_t> broadcastStrides(const Shape& shape, const Shape& out);
/// An axis counted from the end where negative; refuses where it is outside [-rank, rank).
std::int64_t normalAxis(std::int64_t axis, std::size_t rank);
/// Product of extents [first, last).
std::int64_t extentProduct(const Shape& shape, std::size_t first, std::size_t last);

/// Calls f(flat index, coordinates) for every element in row-major order.
template <class F>
void forEachIndex(const Shape& shape, F&& f) {
  const std::int64_t count = elementCount(shape);
  std::vector<std::int64_t> at(shape.size(), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    f(i, std::span<const std::int64_t>(at));
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (++at[d] < shape[d]) break;
      at[d] = 0;
    }
  }
}

inline std::int64_t dot(std::span<const std::int64_t> at, std::span<const std::int64_t> strides) {
  std::int64_t sum = 0;
  for (std::size_t d = 0; d < at.size(); ++d) sum += at[d] * strides[d];
  return sum;
}

/// y[yi] = x[xi], whatever the element type.
inline void copyElement(HostTensor& y, std::int64_t yi, const HostTensor& x, std::int64_t xi) {
  const std::size_t bytes = byteSize(y.type);
  std::memcpy(y.data.data() + yi * bytes, x.data.data() + xi * bytes, bytes);
}
/// Stores an integer; narrower types keep its low bits, bool stores whether it is not 0.
void storeInteger(HostTensor& y, std::int64_t i, std::int64_t value);

bool isInteger(DataType type);  ///< i8, u8, i32, i64
bool isFloat(DataType type);    ///< f32, f16

}  // namespace tessera
