// Host-side layout conversion.
#include "exec/host_layout.hpp"

#include <cstring>

namespace tessera {
namespace {

std::int64_t channels(const TensorDesc& desc) { return desc.shape.size() >= 2 ? desc.shape[1] : 1; }
std::int64_t plane(const TensorDesc& desc) {
  std::int64_t n = 1;
  for (std::size_t i = 2; i < desc.shape.size(); ++i) n *= desc.shape[i];
  return n;
}

}  // namespace

std::int64_t bufferElements(const TensorDesc& desc) {
  const std::int64_t batch = desc.shape.empty() ? 1 : desc.shape[0];
  if (batch == 0) return desc.layout.offset;
  return desc.layout.offset + (batch - 1) * desc.batchStride() + desc.itemElements();
}

std::int64_t layoutIndex(const TensorDesc& desc, std::int64_t planarIndex) {
  const std::int64_t s = plane(desc), c = channels(desc), item = c * s, block = desc.layout.block;
  if (item == 0) return desc.layout.offset;
  const std::int64_t n = planarIndex / item, rest = planarIndex % item, channel = rest / s, xy = rest % s;
  return desc.layout.offset + n * desc.batchStride() + ((channel / block) * s + xy) * block + channel % block;
}

std::vector<std::int64_t> paddingLanes(const TensorDesc& desc) {
  std::vector<std::int64_t> lanes;
  const std::int64_t s = plane(desc), c = channels(desc), block = desc.layout.block;
  if (block <= 1) return lanes;
  for (std::int64_t n = 0; n < desc.shape[0]; ++n)
    for (std::int64_t lane = c; lane < (c + block - 1) / block * block; ++lane)
      for (std::int64_t xy = 0; xy < s; ++xy)
        lanes.push_back(desc.layout.offset + n * desc.batchStride() + ((lane / block) * s + xy) * block +
                        lane % block);
  return lanes;
}

void toLayout(const TensorDesc& desc, const HostTensor& planar, std::span<std::byte> buffer) {
  if (planar.type != desc.type || planar.size() != desc.size())
    throw Error(ErrorCode::Internal, "tensor " + desc.text() + " filled from one of another size or type");
  const std::size_t size = byteSize(desc.type);
  for (const std::int64_t lane : paddingLanes(desc)) std::memset(&buffer[size * lane], 0, size);
  for (std::int64_t i = 0; i < planar.size(); ++i)
    std::memcpy(&buffer[size * layoutIndex(desc, i)], &planar.data[size * i], size);
}

HostTensor fromLayout(const TensorDesc& desc, std::span<const std::byte> buffer) {
  HostTensor planar(desc.type, desc.shape);
  const std::size_t size = byteSize(desc.type);
  for (std::int64_t i = 0; i < planar.size(); ++i)
    std::memcpy(&planar.data[size * i], &buffer[size * layoutIndex(desc, i)], size);
  return planar;
}

}  // namespace tessera
