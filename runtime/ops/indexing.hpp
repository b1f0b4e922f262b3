/// \file
/// Index operands and the reductions of scatters, as host references use them.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "ops/moving.hpp"

namespace tessera {

inline void wantIndices(const TensorDesc& indices) {
  if (indices.type != DataType::Int32 && indices.type != DataType::Int64)
    refuse("indices must be i32 or i64");
}

/// Entry i of an index tensor, counted from the end where negative. Clamped into the extent, as kernels do:
/// an index outside it is the model's fault, and must not read foreign memory.
inline std::int64_t indexInto(const HostTensor& indices, std::int64_t i, std::int64_t extent) {
  const std::int64_t index = indices.integer(i);
  return std::clamp<std::int64_t>(index < 0 ? index + extent : index, 0, extent - 1);
}

/// Refuses indices into an extent of x that has no elements: there is nothing they could mean.
inline void wantElements(const Shape& x, std::int64_t axis, const TensorDesc& indices) {
  if (x[static_cast<std::size_t>(axis)] == 0 && indices.size() > 0)
    refuse("indices pick from extent " + std::to_string(axis) + " of " + toString(x) +
           ", which has no elements");
}

inline void wantReduction(const std::string& reduction, DataType type) {
  if (reduction != "none" && reduction != "add" && reduction != "mul" && reduction != "max" &&
      reduction != "min")
    refuse("there is no reduction " + reduction);
  if (reduction != "none" && !isFloat(type) && type != DataType::Int32 && type != DataType::Int64)
    refuse("reduces floats, i32 and i64 only");
}

/// y[i] = reduction(y[i], x[j]); what is not a number stays so.
inline void combine(const std::string& reduction, HostTensor& y, std::int64_t i, const HostTensor& x,
                    std::int64_t j) {
  if (reduction == "none") return copyElement(y, i, x, j);
  const auto apply = [&](auto a, auto b) {
    return reduction == "add"                   ? a + b
           : reduction == "mul"                 ? a * b
           : std::isnan(static_cast<double>(a)) ? a
           : reduction == "max"                 ? (a > b ? a : b)
                                                : (a < b ? a : b);
  };
  if (y.type == DataType::Float32)
    y.as<float>()[i] = apply(y.as<float>()[i], x.as<float>()[j]);
  else if (y.type == DataType::Float16)
    y.setNumber(i, apply(y.number(i), x.number(j)));
  else
    storeInteger(y, i, apply(y.integer(i), x.integer(j)));
}

}  // namespace tessera
