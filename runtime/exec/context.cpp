// Running engines.
#include "tessera/context.hpp"

#include <algorithm>
#include <optional>

#include "exec/engine_impl.hpp"
#include "exec/step_trace.hpp"
#include "launch/host_layout.hpp"
#include "launch/kernel_launcher.hpp"
#include "lower/recipe.hpp"

namespace tessera {

struct Context::Impl {
  std::shared_ptr<const Engine> engine;
  cl::CommandQueue queue;
  cl::Buffer arena;                                ///< storages are its sub-buffers,
  std::vector<cl::Buffer> slots;                   ///< or, where the driver has none, take these in turn
  cl::Buffer counters;                             ///< all steps share them
  std::vector<cl::Buffer> own, bound;              ///< per binding
  std::vector<cl::Buffer> storage;                 ///< per storage: what kernels see
  std::vector<std::vector<PreparedCall>> kernels;  ///< per step

  const Engine::Impl& e() const { return engine->impl(); }

  void setArguments(std::size_t stepIndex) {
    const Step& step = e().lowered.steps[stepIndex];
    const auto buffersOf = [&](const std::vector<int>& values) {
      std::vector<cl::Buffer> out;
      for (const int value : values)
        out.push_back(value < 0 ? cl::Buffer() : storage[e().lowered.values[value].storage]);
      return out;
    };
    std::vector<cl::Buffer> scratch;
    for (const int id : step.scratch) scratch.push_back(storage[id]);
    const auto inputs = buffersOf(step.inputs), outputs = buffersOf(step.outputs);
    for (std::size_t i = 0; i < step.launch.calls.size(); ++i)
      setKernelArgs(kernels[stepIndex][i], step.launch.calls[i],
                    {inputs, outputs, scratch, e().packed[stepIndex], counters});
  }

  void useBuffer(int binding, const cl::Buffer& buffer) {
    const int id = e().bindingStorage[binding];
    storage[id] = buffer;
    for (std::size_t i = 0; i < e().lowered.steps.size(); ++i) {
      const Step& step = e().lowered.steps[i];
      const auto refers = [&](int value) { return value >= 0 && e().lowered.values[value].storage == id; };
      if (std::any_of(step.inputs.begin(), step.inputs.end(), refers) ||
          std::any_of(step.outputs.begin(), step.outputs.end(), refers))
        setArguments(i);
    }
  }
};

void StepTrace::run(Context& context, const TensorMap& inputs,
                    const std::function<bool(const TracedStep&)>& each) {
  Context::Impl& c = *context.impl_;
  std::optional<Lowered> whole;  // with the constants, where the engine has dropped them
  if (c.e().readGraph) {
    whole = lowerGraph(c.e().wholeGraph(), c.e().caps, recipeOf(c.e().lowered));
    planMemory(*whole, c.e().caps);
  }
  const Lowered& lowered = whole ? *whole : c.e().lowered;
  const auto valueIn = [&](int value, const std::shared_ptr<const HostTensor>& constant) {
    if (constant) return *constant;
    if (value < 0) return HostTensor();
    const Value& v = lowered.values[value];
    std::vector<std::byte> bytes(bufferElements(v.desc) * byteSize(v.desc.type));
    if (!bytes.empty())
      c.queue.enqueueReadBuffer(c.storage[v.storage], CL_TRUE, 0, bytes.size(), bytes.data());
    return fromLayout(v.desc, bytes);
  };
  for (const auto& [name, value] : inputs) context.upload(name, value);
  guarded("running " + c.e().name + " step by step", [&] {
    for (std::size_t i = 0; i < lowered.steps.size(); ++i) {
      TracedStep traced{lowered.steps[i], {}, {}};
      for (std::size_t k = 0; k < traced.step.inputs.size(); ++k)
        traced.inputs.push_back(valueIn(traced.step.inputs[k], traced.step.constants[k]));
      for (std::size_t k = 0; k < c.kernels[i].size(); ++k)
        enqueueKernel(c.queue, c.kernels[i][k], traced.step.launch.calls[k], nullptr, nullptr);
      c.queue.finish();
      for (const int output : traced.step.outputs) traced.outputs.push_back(valueIn(output, nullptr));
      if (!each(traced)) return;
    }
  });
}

Context::~Context() = default;
Context::Context(Context&&) noexcept = default;

Context::Context(std::shared_ptr<const Engine> engine) : impl_(std::make_unique<Impl>()) {
  Impl& c = *impl_;
  c.engine = std::move(engine);
  const auto& e = c.e();
  const cl::Context& context = e.device.impl().context();
  guarded(
      "allocating a context of " + e.name + " (" +
          std::to_string(e.memory.activations + e.memory.bindings + e.memory.workspace) + " bytes)",
      [&] {
        c.queue = cl::CommandQueue(context, e.device.impl().device, CL_QUEUE_PROFILING_ENABLE);
        for (const std::size_t bytes : e.lowered.slotBytes)
          c.slots.emplace_back(context, CL_MEM_READ_WRITE, std::max<std::size_t>(bytes, 16));
        if (e.lowered.arenaBytes && c.slots.empty())
          c.arena = cl::Buffer(context, CL_MEM_READ_WRITE, e.lowered.arenaBytes);
        c.counters = makeCounters(context, e.lowered.counters());
        c.storage = e.constants;
        for (std::size_t i = 0; i < e.lowered.storages.size(); ++i) {
          const Storage& storage = e.lowered.storages[i];
          if (storage.kind != Storage::Kind::Arena || storage.firstStep < 0) continue;
          if (storage.slot >= 0) {
            c.storage[i] = c.slots[storage.slot];
            continue;
          }
          const cl_buffer_region region{storage.arenaOffset, std::max<std::size_t>(storage.bytes, 1)};
          c.storage[i] = c.arena.createSubBuffer(CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region);
        }
        for (std::size_t i = 0; i < e.bindings.size(); ++i) {
          c.own.emplace_back(context, CL_MEM_READ_WRITE, std::max<std::size_t>(e.bindings[i].bytes(), 16));
          c.storage[e.bindingStorage[i]] = c.own.back();
          // An input that nobody fills is zeros, not what lay in the memory before.
          if (e.bindings[i].isInput)
            c.queue.enqueueFillBuffer(c.own.back(), cl_uchar{0}, 0,
                                      std::max<std::size_t>(e.bindings[i].bytes(), 16));
        }
        c.queue.finish();
        for (std::size_t i = 0; i < e.lowered.steps.size(); ++i) {
          auto& kernels = c.kernels.emplace_back();
          for (const auto& call : e.lowered.steps[i].launch.calls)
            kernels.push_back(prepareCall(call, e.programs));
          c.setArguments(i);
        }
      });
  c.bound = c.own;
}

const Engine& Context::engine() const { return *impl_->engine; }
cl_command_queue Context::queue() const { return impl_->queue(); }
cl_mem Context::buffer(std::string_view binding) const {
  return impl_->bound[impl_->e().bindingIndex(binding)]();
}

void Context::bind(std::string_view binding, cl_mem buffer) {
  const int index = impl_->e().bindingIndex(binding);
  const cl::Buffer wanted = buffer ? cl::Buffer(buffer, true) : impl_->own[index];
  guarded("binding " + std::string(binding), [&] {
    const std::size_t size = wanted.getInfo<CL_MEM_SIZE>(), needed = impl_->e().bindings[index].bytes();
    if (size < needed)
      throw Error(ErrorCode::InvalidArgument, "buffer for " + std::string(binding) + " holds " +
                                                  std::to_string(size) + " bytes, the binding needs " +
                                                  std::to_string(needed));
    impl_->bound[index] = wanted;
    impl_->useBuffer(index, wanted);
  });
}

void Context::enqueue(cl_command_queue queue, const std::vector<cl_event>& waits, cl_event* done) {
  Impl& c = *impl_;
  guarded("running " + c.e().name, [&] {
    const cl::CommandQueue q(queue, true);
    const bool outOfOrder = q.getInfo<CL_QUEUE_PROPERTIES>() & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
    std::vector<cl::Event> before;
    for (cl_event event : waits) before.emplace_back(event, true);
    if (!before.empty()) q.enqueueBarrierWithWaitList(&before);
    for (std::size_t i = 0; i < c.kernels.size(); ++i)
      for (std::size_t k = 0; k < c.kernels[i].size(); ++k) {
        enqueueKernel(q, c.kernels[i][k], c.e().lowered.steps[i].launch.calls[k], nullptr, nullptr);
        if (outOfOrder) q.enqueueBarrierWithWaitList();
      }
    if (!done) return;
    cl::Event event;
    q.enqueueMarkerWithWaitList(nullptr, &event);
    *done = event();
    clRetainEvent(*done);
  });
}

void Context::execute() {
  enqueue(impl_->queue());
  guarded("waiting for " + impl_->e().name, [&] { impl_->queue.finish(); });
}

void Context::upload(std::string_view binding, const HostTensor& value) {
  const int index = impl_->e().bindingIndex(binding);
  const Binding& b = impl_->e().bindings[index];
  if (value.type != b.type || value.shape != b.shape)
    throw Error(ErrorCode::InvalidArgument,
                "binding '" + b.name + "' wants " + std::string(toString(b.type)) + ":" + toString(b.shape) +
                    ", it was given " + std::string(toString(value.type)) + ":" + toString(value.shape));
  value.check("input '" + b.name + "'");
  if (value.data.empty()) return;
  guarded("uploading " + b.name, [&] {
    impl_->queue.enqueueWriteBuffer(impl_->bound[index], CL_TRUE, 0, value.data.size(), value.data.data());
  });
}

HostTensor Context::download(std::string_view binding) {
  const int index = impl_->e().bindingIndex(binding);
  const Binding& b = impl_->e().bindings[index];
  HostTensor value(b.type, b.shape);
  if (value.data.empty()) return value;
  guarded("downloading " + b.name, [&] {
    impl_->queue.enqueueReadBuffer(impl_->bound[index], CL_TRUE, 0, value.data.size(), value.data.data());
  });
  for (const CountedOutput& counted : impl_->e().counted)
    if (counted.output == b.name)
      return firstEntries(value, counted.axis, download(counted.count).integer(0));
  return value;
}

TensorMap Context::run(const TensorMap& inputs) {
  start(inputs);
  return finish();
}

void Context::start(const TensorMap& inputs) {
  const auto& e = impl_->e();
  for (const auto& [name, value] : inputs)
    if (!e.bindings[e.bindingIndex(name)].isInput)
      throw Error(ErrorCode::InvalidArgument, "'" + name + "' is an output of the network, not an input");
  for (const auto& binding : e.bindings) {
    if (!binding.isInput) continue;
    const auto it = inputs.find(binding.name);
    if (it == inputs.end())
      throw Error(ErrorCode::InvalidArgument, "input '" + binding.name + "' was not given");
    upload(binding.name, it->second);
  }
  enqueue(impl_->queue());
  guarded("running " + e.name, [&] { impl_->queue.flush(); });
}

TensorMap Context::finish() {
  guarded("waiting for " + impl_->e().name, [&] { impl_->queue.finish(); });
  TensorMap outputs;
  for (const auto& binding : impl_->e().bindings)
    if (!binding.isInput) outputs[binding.name] = download(binding.name);
  for (const CountedOutput& counted : impl_->e().counted)
    if (counted.added) outputs.erase(counted.count);
  return outputs;
}

std::vector<LayerTime> Context::profile(int runs) {
  Impl& c = *impl_;
  const auto& steps = c.e().lowered.steps;
  std::vector<std::vector<double>> times(steps.size());
  guarded("profiling " + c.e().name, [&] {
    for (int run = 0; run < std::max(runs, 1); ++run) {
      std::vector<std::vector<std::pair<cl::Event, cl::Event>>> events(steps.size());
      for (std::size_t i = 0; i < steps.size(); ++i)
        for (std::size_t k = 0; k < c.kernels[i].size(); ++k) {
          cl::Event event, begin;
          enqueueKernel(c.queue, c.kernels[i][k], steps[i].launch.calls[k], nullptr, &event, &begin);
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
