/// \file
/// Tensors as nested loops with strides: what moving families are made of.
#pragma once

#include "clkernels/common/image.hpp"

namespace tessera {

/// One loop of a copy: steps in elements of source and target.
struct CopyDim {
  std::int64_t extent = 1, x = 0, y = 0;
};

/// Nested loops from input `input` to output 0, outermost first.
struct StridedCopy {
  int input = 0;
  std::int64_t xOffset = 0, yOffset = 0;
  std::vector<CopyDim> dims;

  /// Drops extents of 1 and merges neighbours that walk memory like one loop.
  void merge();
  std::int64_t count() const;
};

/// Elements between neighbours of each extent of a planar tensor.
std::vector<std::int64_t> planarStrides(const TensorDesc& t);

/// A three-dimensional range over e0 (innermost) x e1 x e2 with work-groups that waste little where e0 is
/// small. Kernels test the bounds of ids 0 and 1.
void setGrid(KernelCall& call, std::int64_t e0, std::int64_t e1, std::int64_t e2, const DeviceCaps& device);

/// Where element e of a planar tensor in row-major order lies (place() in common/index.cl): appends offset,
/// elements of an item, and batch stride. Dense tensors get one item.
void addPlaceArgs(std::vector<KernelArg>& args, const TensorDesc& t);

}  // namespace tessera
