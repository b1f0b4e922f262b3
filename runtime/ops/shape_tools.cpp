// Index arithmetic that inference, references and kernel families share.
#include "ops/shape_tools.hpp"

#include <algorithm>

namespace tessera {

void refuse(const std::string& reason) { throw Error(ErrorCode::InvalidArgument, reason); }

void wantInputs(std::span<const TensorDesc> inputs, std::size_t lowest, std::size_t highest) {
  const bool enough =
      inputs.size() >= lowest && std::all_of(inputs.begin(), inputs.begin() + static_cast<long>(lowest),
                                             [](const TensorDesc& t) { return t.present(); });
  if (!enough || inputs.size() > highest)
    refuse("wants " +
           (lowest == highest ? std::to_string(lowest)
                              : std::to_string(lowest) + " to " + std::to_string(highest)) +
           " inputs, has " + std::to_string(inputs.size()));
}

std::vector<std::int64_t> rowMajorStrides(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * shape[d];
  return strides;
}

Shape broadcastShapes(std::span<const TensorDesc> inputs) {
  Shape out;
  for (const auto& input : inputs) {
    const Shape& shape = input.shape;
    if (shape.size() > out.size()) out.insert(out.begin(), shape.size() - out.size(), 1);
    for (std::size_t d = 0; d < shape.size(); ++d) {
      auto& extent = out[out.size() - shape.size() + d];
      if (extent == 1)
        extent = shape[d];
      else if (shape[d] != 1 && shape[d] != extent)
        refuse("shapes do not broadcast: " + toString(shape) + " against " + toString(out));
    }
  }
  return out;
}

bool broadcastsTo(const Shape& shape, const Shape& to) {
  if (shape.size() > to.size()) return false;
  for (std::size_t d = 0; d < shape.size(); ++d)
    if (shape[d] != 1 && shape[d] != to[to.size() - shape.size() + d]) return false;
  return true;
}

std::vector<std::int64_t> broadcastStrides(const Shape& shape, const Shape& out) {
  const auto own = rowMajorStrides(shape);
  std::vector<std::int64_t> strides(out.size(), 0);
  for (std::size_t d = 0; d < shape.size(); ++d)
    if (shape[d] != 1) strides[out.size() - shape.size() + d] = own[d];
  return strides;
}

std::int64_t normalAxis(std::int64_t axis, std::size_t rank) {
  const auto r = static_cast<std::int64_t>(rank);
  if (axis < -r || axis >= r)
    refuse("axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  return axis < 0 ? axis + r : axis;
}

std::int64_t extentProduct(const Shape& shape, std::size_t first, std::size_t last) {
  std::int64_t n = 1;
  for (std::size_t d = first; d < last; ++d) n *= shape[d];
  return n;
}

void storeInteger(HostTensor& y, std::int64_t i, std::int64_t value) {
  switch (y.type) {
    case DataType::Int8:
      y.as<std::int8_t>()[i] = static_cast<std::int8_t>(value);
      return;
    case DataType::UInt8:
      y.as<std::uint8_t>()[i] = static_cast<std::uint8_t>(value);
      return;
    case DataType::Bool:
      y.as<std::uint8_t>()[i] = value != 0;
      return;
    case DataType::Int32:
      y.as<std::int32_t>()[i] = static_cast<std::int32_t>(value);
      return;
    case DataType::Int64:
      y.as<std::int64_t>()[i] = value;
      return;
    default:
      y.setNumber(i, static_cast<double>(value));
      return;
  }
}

bool isInteger(DataType type) {
  return type == DataType::Int8 || type == DataType::UInt8 || type == DataType::Int32 ||
         type == DataType::Int64;
}
bool isFloat(DataType type) { return type == DataType::Float32 || type == DataType::Float16; }

}  // namespace tessera
