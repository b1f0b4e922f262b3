// Tensors as nested loops with strides.
#include "clkernels/common/strided.hpp"

#include <algorithm>
#include <limits>

namespace tessera {

void StridedCopy::merge() {
  std::vector<CopyDim> merged;
  for (const CopyDim& dim : dims) {
    if (dim.extent == 1) continue;
    if (!merged.empty() && merged.back().x == dim.x * dim.extent && merged.back().y == dim.y * dim.extent)
      merged.back() = {merged.back().extent * dim.extent, dim.x, dim.y};
    else
      merged.push_back(dim);
  }
  dims = std::move(merged);
}

std::int64_t StridedCopy::count() const {
  std::int64_t n = 1;
  for (const CopyDim& dim : dims) n *= dim.extent;
  return n;
}

std::vector<std::int64_t> planarStrides(const TensorDesc& t) {
  std::vector<std::int64_t> strides(t.shape.size(), 1);
  for (std::size_t d = t.shape.size(); d-- > 1;) strides[d - 1] = strides[d] * t.shape[d];
  if (!strides.empty()) strides[0] = t.batchStride();
  return strides;
}

void setGrid(KernelCall& call, std::int64_t e0, std::int64_t e1, std::int64_t e2, const DeviceCaps& device) {
  const std::int64_t most = std::min<std::int64_t>(256, static_cast<std::int64_t>(device.maxWorkGroup));
  const auto power = [](std::int64_t n, std::int64_t limit) {
    std::int64_t p = 1;
    while (p < n && p * 2 <= limit) p *= 2;
    return p;
  };
  const std::int64_t l0 = power(e0, most), l1 = power(e1, most / l0);
  call.global = {static_cast<std::size_t>(roundUp(e0, l0)), static_cast<std::size_t>(roundUp(e1, l1)),
                 static_cast<std::size_t>(e2)};
  call.local = {static_cast<std::size_t>(l0), static_cast<std::size_t>(l1), 1};
}

void addPlaceArgs(std::vector<KernelArg>& args, const TensorDesc& t) {
  args.push_back(KernelArg::ofInt(t.layout.offset));
  const bool items = !t.dense() && !t.shape.empty() && t.shape[0] > 1;
  args.push_back(KernelArg::ofInt(items ? std::max<std::int64_t>(t.itemElements(), 1)
                                        : std::numeric_limits<std::int32_t>::max()));
  args.push_back(KernelArg::ofInt(items ? t.batchStride() : 0));
}

}  // namespace tessera
