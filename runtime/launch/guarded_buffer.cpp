#include "launch/guarded_buffer.hpp"

#include <algorithm>

namespace tessera {
namespace {

constexpr std::size_t kGuardBytes = 64 << 10;  // devices want parts of buffers to begin at multiples of it
constexpr cl_uchar kGuard = 0xC5;

}  // namespace

GuardedBuffer::GuardedBuffer(const cl::CommandQueue& queue, std::size_t bytes)
    : bytes_(std::max<std::size_t>(bytes, 16)), guard_(kGuardBytes) {
  const auto device = queue.getInfo<CL_QUEUE_DEVICE>();
  if (bytes_ + 2 * kGuardBytes > device.getInfo<CL_DEVICE_MAX_MEM_ALLOC_SIZE>()) guard_ = 0;
  whole_ = cl::Buffer(queue.getInfo<CL_QUEUE_CONTEXT>(), CL_MEM_READ_WRITE, bytes_ + 2 * guard_);
  inner_ = whole_;
  if (guard_ == 0) return;
  const cl_buffer_region region{guard_, bytes_};
  inner_ = whole_.createSubBuffer(CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region);
  bytes_ = bytes;  // what lies between them and the smallest buffer is no one's either
}

void GuardedBuffer::arm(const cl::CommandQueue& queue) const {
  if (guard_ == 0) return;
  queue.enqueueFillBuffer(whole_, kGuard, 0, guard_);
  queue.enqueueFillBuffer(whole_, kGuard, guard_ + bytes_, guard_);
}

std::string GuardedBuffer::damage(const cl::CommandQueue& queue) const {
  if (guard_ == 0) return {};
  std::vector<cl_uchar> guard(guard_);
  queue.enqueueReadBuffer(whole_, CL_TRUE, 0, guard_, guard.data());
  const auto before = std::find_if(guard.rbegin(), guard.rend(), [](cl_uchar b) { return b != kGuard; });
  if (before != guard.rend())
    return "byte -" + std::to_string(before - guard.rbegin() + 1) + " was overwritten, which lies before it";
  queue.enqueueReadBuffer(whole_, CL_TRUE, guard_ + bytes_, guard_, guard.data());
  const auto behind = std::ranges::find_if(guard, [](cl_uchar b) { return b != kGuard; });
  if (behind == guard.end()) return {};
  return "byte " + std::to_string(bytes_ + static_cast<std::size_t>(behind - guard.begin())) +
         " was overwritten, which lies behind it";
}

}  // namespace tessera
