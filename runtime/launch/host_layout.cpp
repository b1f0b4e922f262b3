// Host-side layout conversion.
#include "launch/host_layout.hpp"

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

namespace {

// Calls visit(planar element, buffer element, count) for runs that lie one after another on both sides.
template <class Visit>
void forEachRun(const TensorDesc& desc, Visit&& visit) {
  const std::int64_t s = plane(desc), c = channels(desc), block = desc.layout.block;
  const std::int64_t batch = desc.shape.empty() ? 1 : desc.shape[0];
  for (std::int64_t n = 0; n < batch; ++n) {
    const std::int64_t item = desc.layout.offset + n * desc.batchStride();
    if (block == 1) {
      visit(n * c * s, item, c * s);
      continue;
    }
    for (std::int64_t channel = 0; channel < c; ++channel) {
      const std::int64_t from = (n * c + channel) * s;
      const std::int64_t to = item + channel / block * s * block + channel % block;
      for (std::int64_t xy = 0; xy < s; ++xy) visit(from + xy, to + xy * block, 1);
    }
  }
}

// memcpy of a size known at compile time, where it is a single element.
void copyRun(std::byte* to, const std::byte* from, std::int64_t count, std::size_t size) {
  if (count == 1 && size == 4)
    std::memcpy(to, from, 4);
  else if (count == 1 && size == 1)
    *to = *from;
  else
    std::memcpy(to, from, static_cast<std::size_t>(count) * size);
}

}  // namespace

void toLayout(const TensorDesc& desc, const HostTensor& planar, std::span<std::byte> buffer) {
  if (planar.type != desc.type || planar.size() != desc.size())
    throw Error(ErrorCode::Internal, "tensor " + desc.text() + " filled from one of another size or type");
  const std::size_t size = byteSize(desc.type);
  if (planar.data.empty()) return;
  for (const std::int64_t lane : paddingLanes(desc)) std::memset(&buffer[size * lane], 0, size);
  forEachRun(desc, [&](std::int64_t from, std::int64_t to, std::int64_t count) {
    if (count) copyRun(&buffer[size * to], &planar.data[size * from], count, size);
  });
}

HostTensor fromLayout(const TensorDesc& desc, std::span<const std::byte> buffer) {
  HostTensor planar(desc.type, desc.shape);
  const std::size_t size = byteSize(desc.type);
  if (planar.data.empty()) return planar;
  forEachRun(desc, [&](std::int64_t to, std::int64_t from, std::int64_t count) {
    if (count) copyRun(&planar.data[size * to], &buffer[size * from], count, size);
  });
  return planar;
}

}  // namespace tessera
