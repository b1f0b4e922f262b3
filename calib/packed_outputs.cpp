#include "calib/packed_outputs.hpp"

#include <algorithm>

namespace tessera {

PackedOutputs::PackedOutputs(Context& context, const std::set<std::string>& without)
    : queue_(context.queue(), true) {
  const std::size_t align = context.engine().device().caps().addressAlign;
  std::size_t size = 0;
  for (const Binding& binding : context.bindings()) {
    if (binding.isInput || binding.bytes() == 0 || without.count(binding.name)) continue;
    places_.push_back({binding.name, binding.type, binding.shape, size, binding.bytes()});
    size += (binding.bytes() + align - 1) / align * align;
  }
  if (size == 0) return;
  guarded("allocating room for statistics",
          [&] { buffer_ = cl::Buffer(queue_.getInfo<CL_QUEUE_CONTEXT>(), CL_MEM_READ_WRITE, size); });
  for (const Place& place : places_) context.bind(place.name, buffer_(), place.offset);
  room_.resize(size);
}

TensorMap PackedOutputs::read() {
  TensorMap outputs;
  if (room_.empty()) return outputs;
  guarded("reading statistics",
          [&] { queue_.enqueueReadBuffer(buffer_, CL_TRUE, 0, room_.size(), room_.data()); });
  for (const Place& place : places_) {
    HostTensor& value = outputs.emplace(place.name, HostTensor(place.type, place.shape)).first->second;
    std::copy_n(room_.begin() + static_cast<std::ptrdiff_t>(place.offset), place.bytes, value.data.begin());
  }
  return outputs;
}

}  // namespace tessera
