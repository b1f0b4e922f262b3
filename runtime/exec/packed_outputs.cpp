#include "exec/packed_outputs.hpp"

#include <algorithm>

namespace tessera {

PackedOutputs::PackedOutputs(Context& context, const std::set<std::string>& without, bool bind)
    : queue_(context.queue(), true) {
  const std::size_t align = context.engine().device().caps().addressAlign;
  std::size_t size = 0;
  for (const Binding& binding : context.bindings()) {
    if (binding.isInput || binding.bytes() == 0 || without.count(binding.name)) continue;
    places_.push_back({binding.name, binding.type, binding.shape, size, binding.bytes()});
    size += (binding.bytes() + align - 1) / align * align;
  }
  if (size == 0) return;
  room_.resize(size);
  if (!bind) {
    for (const Place& place : places_)
      parts_.push_back({cl::Buffer(context.buffer(place.name), true), place.offset, place.bytes});
    return;
  }
  guarded("allocating room for outputs", [&] {
    parts_.push_back({cl::Buffer(queue_.getInfo<CL_QUEUE_CONTEXT>(), CL_MEM_READ_WRITE, size), 0, size});
  });
  for (const Place& place : places_) context.bind(place.name, parts_[0].buffer(), place.offset);
}

TensorMap PackedOutputs::read() {
  guarded("reading outputs", [&] {
    for (const Part& part : parts_)
      queue_.enqueueReadBuffer(part.buffer, CL_FALSE, 0, part.bytes, room_.data() + part.to);
    queue_.finish();
  });
  TensorMap outputs;
  for (const Place& place : places_) {
    HostTensor& value = outputs.emplace(place.name, HostTensor(place.type, place.shape)).first->second;
    std::copy_n(room_.begin() + static_cast<std::ptrdiff_t>(place.offset), place.bytes, value.data.begin());
  }
  return outputs;
}

}  // namespace tessera
