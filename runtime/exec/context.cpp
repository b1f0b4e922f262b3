// Running engines.
#include "tessera/context.hpp"

#include <algorithm>

#include "exec/context_impl.hpp"
#include "exec/step_trace.hpp"
#include "launch/host_layout.hpp"

namespace tessera {

const Lowered& StepTrace::stepsOf(const Context& context) { return context.impl_->e().lowered; }

void StepTrace::run(Context& context, const TensorMap& inputs, const Each& each, const Replace& replace) {
  Context::Impl& c = *context.impl_;
  const Lowered& lowered = stepsOf(context);
  const auto bytesIn = [&](const Value& v) {
    std::vector<std::byte> bytes(bufferElements(v.desc) * byteSize(v.desc.type));
    if (!bytes.empty())
      c.queue.enqueueReadBuffer(c.now->storage[v.storage], CL_TRUE, 0, bytes.size(), bytes.data());
    return bytes;
  };
  const auto valueIn = [&](int value, const std::shared_ptr<const HostTensor>& constant) {
    if (constant) return *constant;
    if (value < 0) return HostTensor();
    return fromLayout(lowered.values[value].desc, bytesIn(lowered.values[value]));
  };
  const auto replaceInputs = [&](const Step& step) {
    for (std::size_t k = 0; k < step.inputs.size(); ++k) {
      if (step.inputs[k] < 0 || step.constants[k]) continue;
      const Value& value = lowered.values[step.inputs[k]];
      const auto other = replace(step, k, value);
      if (!other || other->data.empty()) continue;
      std::vector<std::byte> bytes = bytesIn(value);  // others may lie between its elements
      toLayout(value.desc, *other, bytes);
      c.queue.enqueueWriteBuffer(c.now->storage[value.storage], CL_TRUE, 0, bytes.size(), bytes.data());
    }
  };
  for (const auto& [name, value] : inputs) context.upload(name, value);
  guarded("running " + c.e().name + " step by step", [&] {
    const auto& kernels = c.stepKernels();
    for (std::size_t i = 0; i < lowered.steps.size(); ++i) {
      TracedStep traced{lowered.steps[i], {}, {}};
      if (replace) replaceInputs(traced.step);
      for (std::size_t k = 0; k < traced.step.inputs.size(); ++k)
        traced.inputs.push_back(valueIn(traced.step.inputs[k], traced.step.constants[k]));
      for (std::size_t k = 0; k < kernels[i].size(); ++k)
        enqueueKernel(c.queue, kernels[i][k], traced.step.launch.calls[k], nullptr, nullptr);
      c.queue.finish();
      for (const int output : traced.step.outputs) traced.outputs.push_back(valueIn(output, nullptr));
      if (!each(traced)) return;
    }
  });
}

std::vector<std::uint64_t> StepTrace::phaseClocks(Context& context) {
  Context::Impl& c = *context.impl_;
  const Chain& chain = c.e().chain.value().chain;
  std::vector<std::uint64_t> clocks(chain.phases.size() + 1);
  guarded("reading times of " + c.e().name, [&] {
    c.queue.enqueueReadBuffer(c.chainSync, CL_TRUE, chain.timesAt * sizeof(cl_uint),
                              clocks.size() * sizeof clocks[0], clocks.data());
  });
  return clocks;
}

cl_command_queue Context::queue() const { return impl_->queue(); }
cl_mem Context::buffer(std::string_view binding) const {
  return impl_->bound[impl_->e().bindingIndex(binding)]();
}

void Context::Impl::bind(int binding, const cl::Buffer& buffer, std::size_t size) {
  const Binding& largest = engine->impl().bindings[static_cast<std::size_t>(binding)];
  if (size < largest.bytes())
    throw Error(ErrorCode::InvalidArgument, "buffer for " + largest.name + " holds " + std::to_string(size) +
                                                " bytes, the binding needs " +
                                                std::to_string(largest.bytes()));
  hostMemory[static_cast<std::size_t>(binding)] = false;
  bound[static_cast<std::size_t>(binding)] = buffer;
  now->useBuffer(binding, buffer, *this);
}

void Context::bind(std::string_view binding, cl_mem buffer, std::size_t offset) {
  Impl& c = *impl_;
  const int index = c.e().bindingIndex(binding);
  guarded("binding " + std::string(binding), [&] {
    cl::Buffer wanted = buffer ? cl::Buffer(buffer, true) : c.own[index];
    const auto size = wanted.getInfo<CL_MEM_SIZE>();
    if (!buffer || offset == 0) return c.bind(index, wanted, size);
    const DeviceCaps& device = c.e().device.caps();
    if (!device.subBuffers)
      throw Error(ErrorCode::Unsupported, device.name + " has no buffers within buffers: bind " +
                                              std::string(binding) + " at offset 0");
    if (offset % device.addressAlign != 0 || offset >= size)
      throw Error(ErrorCode::InvalidArgument, "the offset of " + std::string(binding) + " is " +
                                                  std::to_string(offset) + "; it has to be a multiple of " +
                                                  std::to_string(device.addressAlign) +
                                                  " within the buffer's " + std::to_string(size) + " bytes");
    const std::size_t needed = c.engine->impl().bindings[index].bytes();
    const cl_buffer_region region{offset, std::min(size - offset, std::max<std::size_t>(needed, 1))};
    c.bind(index, wanted.createSubBuffer(0, CL_BUFFER_CREATE_TYPE_REGION, &region), region.size);
  });
}

void Context::bindHost(std::string_view binding, void* memory, std::size_t bytes) {
  Impl& c = *impl_;
  const int index = c.e().bindingIndex(binding);
  const DeviceCaps& device = c.e().device.caps();
  if (!device.isCpu())
    throw Error(ErrorCode::Unsupported, device.name + " does not share the host's memory: " +
                                            std::string(binding) + " wants upload() or a buffer");
  if (!memory || reinterpret_cast<std::uintptr_t>(memory) % device.addressAlign != 0)
    throw Error(ErrorCode::InvalidArgument, "the memory for " + std::string(binding) +
                                                " has to begin at a multiple of " +
                                                std::to_string(device.addressAlign) + " bytes");
  guarded("binding " + std::string(binding), [&] {
    const std::size_t needed = c.engine->impl().bindings[index].bytes();
    if (bytes == 0 || bytes < needed)
      throw Error(ErrorCode::InvalidArgument, "the memory for " + std::string(binding) + " holds " +
                                                  std::to_string(bytes) + " bytes, the binding needs " +
                                                  std::to_string(needed));
    c.bind(index, cl::Buffer(c.context(), CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, bytes, memory), bytes);
    c.hostMemory[index] = true;
  });
}

void Context::Impl::enqueueSteps(const cl::CommandQueue& on, bool cancellable) {
  constexpr std::size_t kAhead = 4;  // steps between the device and what is enqueued
  const bool outOfOrder = on.getInfo<CL_QUEUE_PROPERTIES>() & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
  if (now->chain() && !cancellable) {
    enqueueChain(e().device, on, now->chain, *e().chain);
    if (outOfOrder) on.enqueueBarrierWithWaitList();
    return;
  }
  std::deque<cl::Event> flying;
  for (std::size_t i = 0; i < now->kernels.size(); ++i) {
    for (std::size_t k = 0; k < now->kernels[i].size(); ++k) {
      enqueueKernel(on, now->kernels[i][k], e().lowered.steps[i].launch.calls[k], nullptr, nullptr);
      if (outOfOrder) on.enqueueBarrierWithWaitList();
    }
    if (!cancellable) continue;
    on.enqueueMarkerWithWaitList(nullptr, &flying.emplace_back());
    on.flush();
    if (flying.size() > kAhead) {
      flying.front().wait();
      flying.pop_front();
    }
    if (!stop) continue;
    for (const cl::Event& event : flying) event.wait();
    throw Cancelled(e().name);
  }
}

void Context::Impl::enqueueOwn() {
  if (!options.cancellable) return enqueueSteps(queue, false);
  stop = false;
  running = true;
  try {
    enqueueSteps(queue, true);
  } catch (...) {
    running = false;
    throw;
  }
  running = false;
}

void Context::cancel() {
  if (!impl_->options.cancellable)
    throw Error(ErrorCode::InvalidArgument,
                "this context was not made to be cancelled (ContextOptions::cancellable)");
  if (impl_->running) impl_->stop = true;
}

void Context::enqueue(cl_command_queue queue, const std::vector<cl_event>& waits, cl_event* done) {
  Impl& c = *impl_;
  guarded("running " + c.e().name, [&] {
    c.useFound();
    const cl::CommandQueue q(queue, true);
    std::vector<cl::Event> before;
    for (cl_event event : waits) before.emplace_back(event, true);
    if (!before.empty()) q.enqueueBarrierWithWaitList(&before);
    if (queue == c.queue())
      c.enqueueOwn();
    else
      c.enqueueSteps(q, false);
    if (!done) return;
    cl::Event event;
    q.enqueueMarkerWithWaitList(nullptr, &event);
    *done = event();
    clRetainEvent(*done);
  });
}

void Context::Impl::showHostMemory() {
  for (std::size_t i = 0; i < bound.size(); ++i) {
    const Binding& b = e().bindings[i];
    if (!hostMemory[i] || b.isInput || b.bytes() == 0) continue;
    void* memory = queue.enqueueMapBuffer(bound[i], CL_TRUE, CL_MAP_READ, 0, b.bytes());
    queue.enqueueUnmapMemObject(bound[i], memory);
  }
}

void Context::execute() {
  guarded("running " + impl_->e().name, [&] {
    impl_->useFound();
    impl_->enqueueOwn();
    impl_->queue.finish();
    impl_->showHostMemory();
  });
}

void Context::upload(std::string_view binding, const HostTensor& value) {
  Impl& c = *impl_;
  const int index = c.e().bindingIndex(binding);
  const Binding& b = c.e().bindings[index];
  if (value.type != b.type || value.shape != b.shape)
    throw Error(ErrorCode::InvalidArgument,
                "binding '" + b.name + "' wants " + std::string(toString(b.type)) + ":" + toString(b.shape) +
                    ", it was given " + std::string(toString(value.type)) + ":" + toString(value.shape));
  value.check("input '" + b.name + "'");
  upload(binding, std::span<const std::byte>(value.data));
}

void Context::upload(std::string_view binding, std::span<const std::byte> elements) {
  Impl& c = *impl_;
  const int index = c.e().bindingIndex(binding);
  const Binding& b = c.e().bindings[index];
  const std::size_t bytes = elements.size();
  if (bytes != b.bytes())
    throw Error(ErrorCode::InvalidArgument, "binding '" + b.name + "' (" + toString(b.shape) + ") takes " +
                                                std::to_string(b.bytes()) + " bytes, not " +
                                                std::to_string(bytes) + ".");
  if (bytes == 0) return;
  guarded("uploading " + b.name, [&] {
    const std::byte* from = elements.data();
    if (!c.staging.empty()) {
      std::copy_n(from, bytes, c.staging[index].memory);
      from = c.staging[index].memory;
    }
    c.queue.enqueueWriteBuffer(c.bound[index], CL_TRUE, 0, bytes, from);
  });
}

void Context::Impl::enqueueRead(std::size_t binding, HostTensor& value, bool waits) {
  std::byte* to = staging.empty() ? value.data.data() : staging[binding].memory;
  queue.enqueueReadBuffer(bound[binding], waits ? CL_TRUE : CL_FALSE, 0, value.data.size(), to);
}

void Context::Impl::takeStaged(std::size_t binding, HostTensor& value) const {
  if (!staging.empty()) std::copy_n(staging[binding].memory, value.data.size(), value.data.data());
}

HostTensor Context::download(std::string_view binding) {
  Impl& c = *impl_;
  const int index = c.e().bindingIndex(binding);
  const Binding& b = c.e().bindings[index];
  HostTensor value(b.type, b.shape);
  if (value.data.empty()) return value;
  guarded("downloading " + b.name, [&] {
    c.enqueueRead(static_cast<std::size_t>(index), value, true);
    c.takeStaged(static_cast<std::size_t>(index), value);
  });
  for (const CountedOutput& counted : c.e().counted)
    if (counted.output == b.name)
      return firstEntries(value, counted.axis, download(counted.count).integer(0));
  return value;
}

void Context::download(std::string_view binding, std::span<std::byte> elements) {
  Impl& c = *impl_;
  const int index = c.e().bindingIndex(binding);
  const Binding& b = c.e().bindings[index];
  if (elements.size() != b.bytes())
    throw Error(ErrorCode::InvalidArgument, "binding '" + b.name + "' (" + toString(b.shape) + ") has " +
                                                std::to_string(b.bytes()) + " bytes, not " +
                                                std::to_string(elements.size()));
  if (elements.empty()) return;
  guarded("downloading " + b.name, [&] {
    std::byte* to = c.staging.empty() ? elements.data() : c.staging[index].memory;
    c.queue.enqueueReadBuffer(c.bound[index], CL_TRUE, 0, elements.size(), to);
    if (to != elements.data()) std::copy_n(to, elements.size(), elements.data());
  });
}

TensorMap Context::run(const TensorMap& inputs) {
  start(inputs);
  return finish();
}

void Context::start(const TensorMap& inputs) {
  const auto& e = impl_->e();
  for (const auto& [name, value] : inputs) {
    const auto known = std::ranges::find(e.bindings, name, &Binding::name);
    if (known != e.bindings.end() && known->isInput) continue;
    std::string names;
    for (const Binding& binding : e.bindings)
      if (binding.isInput) names += (names.empty() ? "'" : ", '") + binding.name + "'";
    throw Error(ErrorCode::InvalidArgument, "the network has no input '" + name + "'" +
                                                (known == e.bindings.end() ? "" : ", which is an output") +
                                                "; its inputs are " + names);
  }
  for (const auto& binding : e.bindings) {
    if (!binding.isInput) continue;
    const auto it = inputs.find(binding.name);
    if (it == inputs.end())
      throw Error(ErrorCode::InvalidArgument, "input '" + binding.name + "' was not given");
    upload(binding.name, it->second);
  }
  guarded("running " + e.name, [&] {
    impl_->useFound();
    impl_->enqueueOwn();
    impl_->queue.flush();
  });
}

TensorMap Context::finish() {
  guarded("waiting for " + impl_->e().name, [&] {
    impl_->queue.finish();
    impl_->showHostMemory();
  });
  Impl& c = *impl_;
  const std::vector<Binding>& bindings = c.e().bindings;
  std::vector<HostTensor> values(bindings.size());
  // Whatever happens, nothing is written to them any more once they are gone.
  struct Settled {
    cl::CommandQueue queue;
    ~Settled() { clFinish(queue()); }
  } settled{c.queue};
  guarded("downloading the outputs of " + c.e().name, [&] {  // all at once: each wait wakes a thread
    for (std::size_t i = 0; i < bindings.size(); ++i) {
      if (bindings[i].isInput) continue;
      values[i] = HostTensor(bindings[i].type, bindings[i].shape);
      if (!values[i].data.empty()) c.enqueueRead(i, values[i], false);
    }
    c.queue.finish();
    for (std::size_t i = 0; i < values.size(); ++i) c.takeStaged(i, values[i]);
  });
  TensorMap outputs;
  for (std::size_t i = 0; i < bindings.size(); ++i)
    if (!bindings[i].isInput) outputs[bindings[i].name] = std::move(values[i]);
  for (const CountedOutput& counted : c.e().counted) {
    HostTensor& entries = outputs.at(counted.output);
    entries = firstEntries(entries, counted.axis, outputs.at(counted.count).integer(0));
  }
  for (const CountedOutput& counted : c.e().counted)
    if (counted.added) outputs.erase(counted.count);
  return outputs;
}

std::vector<LayerTime> Context::profile(int runs) {
  Impl& c = *impl_;
  const auto& steps = c.e().lowered.steps;
  std::vector<std::vector<double>> times(steps.size());
  guarded("profiling " + c.e().name, [&] {
    const auto& kernels = c.stepKernels();
    for (int run = 0; run < std::max(runs, 1); ++run) {
      std::vector<std::vector<std::pair<cl::Event, cl::Event>>> events(steps.size());
      for (std::size_t i = 0; i < steps.size(); ++i)
        for (std::size_t k = 0; k < kernels[i].size(); ++k) {
          cl::Event event, begin;
          enqueueKernel(c.queue, kernels[i][k], steps[i].launch.calls[k], nullptr, &event, &begin);
          if (event()) events[i].emplace_back(begin, event);
        }
      c.queue.finish();
      for (std::size_t i = 0; i < steps.size(); ++i) {
        double total = 0;
        for (const auto& [begin, event] : events[i])
          total += static_cast<double>(event.getProfilingInfo<CL_PROFILING_COMMAND_END>() -
                                       (begin() ? begin.getProfilingInfo<CL_PROFILING_COMMAND_END>()
                                                : event.getProfilingInfo<CL_PROFILING_COMMAND_START>()));
        times[i].push_back(total * 1e-6);
      }
    }
  });
  std::vector<LayerTime> result;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::nth_element(times[i].begin(), times[i].begin() + times[i].size() / 2, times[i].end());
    result.push_back({c.e().layers[i], times[i][times[i].size() / 2]});
  }
  return result;
}

}  // namespace tessera
