// What a context allocates, and the shapes it runs at.
#include <algorithm>

#include "exec/context_impl.hpp"

namespace tessera {

void Context::Impl::Form::haveSteps(const cl::Buffer& counters) {
  if (!kernels.empty()) return;
  std::vector<std::vector<PreparedCall>> made;
  for (const Step& step : e().lowered.steps) {
    auto& calls = made.emplace_back();
    for (const auto& call : step.launch.calls) calls.push_back(prepareCall(call, e().programs));
  }
  kernels = std::move(made);
  try {
    for (std::size_t i = 0; i < kernels.size(); ++i) setArguments(i, counters);
  } catch (...) {
    kernels.clear();
    throw;
  }
}

void Context::Impl::Form::setArguments(std::size_t stepIndex, const cl::Buffer& counters) {
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

void Context::Impl::Form::setChainArguments(const Impl& context) {
  if (!e().chain) return;
  cl_uint i = 0;
  for (const ChainBuffer& b : e().chain->chain.buffers) {
    using Kind = ChainBuffer::Kind;
    if (b.kind == Kind::Constant) {
      const auto buffer = static_cast<cl_mem>(const_cast<void*>(b.key));
      chain.setArg(i++, sizeof(cl_mem), &buffer);
      continue;
    }
    const cl::Buffer& buffer = b.kind == Kind::Arena     ? context.arena
                               : b.kind == Kind::Slot    ? context.slots[b.index]
                               : b.kind == Kind::Binding ? storage[b.index]
                                                         : e().chain->constants;
    chain.setArg(i++, buffer);
  }
  chain.setArg(i, context.chainSync);
  chain.setArg(i + 1, cl_int{0});
}

void Context::Impl::Form::useBuffer(int binding, const cl::Buffer& buffer, const Impl& context) {
  const int id = e().bindingStorage[binding];
  storage[id] = buffer;
  bound[binding] = buffer();
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const Step& step = e().lowered.steps[i];
    const auto refers = [&](int value) { return value >= 0 && e().lowered.values[value].storage == id; };
    if (std::any_of(step.inputs.begin(), step.inputs.end(), refers) ||
        std::any_of(step.outputs.begin(), step.outputs.end(), refers))
      setArguments(i, context.counters);
  }
  setChainArguments(context);
}

void Context::Impl::create() {
  const auto& main = engine->impl();
  queue = cl::CommandQueue(context(), main.device.impl().device, CL_QUEUE_PROFILING_ENABLE);
  for (const auto& binding : main.bindings) {
    const std::size_t bytes = std::max<std::size_t>(binding.bytes(), 16);
    own.emplace_back(context(), CL_MEM_READ_WRITE, bytes);
    // An input that nobody fills is zeros, not what lay in the memory before.
    if (binding.isInput) queue.enqueueFillBuffer(own.back(), cl_uchar{0}, 0, bytes);
  }
  queue.finish();
  bound = own;
  hostMemory.assign(own.size(), false);
  if (options.pinned.value_or(main.device.caps().kind == DeviceKind::Gpu)) createStaging();
  for (const auto& [name, range] : engine->shapes()) shapes[name] = range.max;
  reserve(main);
  const std::lock_guard lock(main.formsMutex);
  for (const auto& [at, form] : main.forms) reserve(form->impl());
}

void Context::Impl::createStaging() {
  for (const auto& binding : engine->impl().bindings) {
    Staging& to = staging.emplace_back();
    const std::size_t bytes = std::max<std::size_t>(binding.bytes(), 16);
    to.buffer = cl::Buffer(context(), CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, bytes);
    to.memory = static_cast<std::byte*>(
        queue.enqueueMapBuffer(to.buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, bytes));
  }
}

Context::Impl::~Impl() {
  for (const Staging& s : staging)  // destructors do not throw: no call of the C++ bindings
    if (s.memory) clEnqueueUnmapMemObject(queue(), s.buffer(), s.memory, 0, nullptr, nullptr);
  if (!staging.empty()) clFinish(queue());
}

void Context::Impl::reserve(const Engine::Impl& form) {
  const Lowered& lowered = form.lowered;
  const auto grow = [&](cl::Buffer& buffer, std::size_t& have, std::size_t bytes) {
    if (bytes <= have) return;
    forms.clear();
    have = 0;
    buffer = cl::Buffer();  // before the larger one: there need not be room for both
    buffer = cl::Buffer(context(), CL_MEM_READ_WRITE, std::max<std::size_t>(bytes, 16));
    have = bytes;
  };
  if (lowered.slotBytes.size() > slots.size()) {
    slots.resize(lowered.slotBytes.size());
    slotBytes.resize(slots.size());
  }
  for (std::size_t i = 0; i < lowered.slotBytes.size(); ++i)
    grow(slots[i], slotBytes[i], lowered.slotBytes[i]);
  if (lowered.slotBytes.empty()) grow(arena, arenaBytes, lowered.arenaBytes);
  if (lowered.counters() > counterCount) {
    forms.clear();
    counters = makeCounters(context(), lowered.counters());
    counterCount = lowered.counters();
  }
  if (form.chain && form.chain->chain.syncWords > chainWords) {
    forms.clear();
    chainSync = makeChainSync(context(), form.chain->chain);
    chainWords = form.chain->chain.syncWords;
  }
}

void Context::Impl::prepare(Form& form) const {
  const auto& e = form.e();
  form.storage = e.constants;
  for (std::size_t i = 0; i < e.lowered.storages.size(); ++i) {
    const Storage& storage = e.lowered.storages[i];
    if (storage.kind != Storage::Kind::Arena || storage.firstStep < 0) continue;
    if (storage.slot >= 0) {
      form.storage[i] = slots[storage.slot];
      continue;
    }
    const cl_buffer_region region{storage.arenaOffset, std::max<std::size_t>(storage.bytes, 1)};
    cl::Buffer whole = arena;
    form.storage[i] = whole.createSubBuffer(CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region);
  }
  for (std::size_t i = 0; i < e.bindings.size(); ++i) {
    form.storage[e.bindingStorage[i]] = bound[i];
    form.bound.push_back(bound[i]());
  }
  if (!e.chain || options.cancellable) form.haveSteps(counters);
  if (e.chain) form.chain = e.programs.kernel(e.chain->chain.call);
  form.setChainArguments(*this);
}

void Context::Impl::use(std::shared_ptr<const Engine> wanted) {
  reserve(wanted->impl());
  auto found = forms.find(wanted.get());
  if (found == forms.end()) {
    Form form;
    form.engine = wanted;
    prepare(form);
    found = forms.emplace(wanted.get(), std::move(form)).first;
  }
  for (std::size_t i = 0; i < bound.size(); ++i)
    if (found->second.bound[i] != bound[i]()) found->second.useBuffer(static_cast<int>(i), bound[i], *this);
  now = &found->second;
}

// Runs that were enqueued before keep their kernels' arguments and memory.
void Context::Impl::useFound() {
  const auto& background = engine->impl().background;
  if (!background || now->engine != engine) return;
  auto found = background->found();
  if (!found) return;
  try {
    use(std::move(found));
  } catch (...) {  // there is no room for it: as it was
    use(engine);
  }
}

Context::~Context() = default;
Context::Context(Context&&) noexcept = default;

Context::Context(std::shared_ptr<const Engine> engine, const ContextOptions& options)
    : impl_(std::make_unique<Impl>()) {
  Impl& c = *impl_;
  c.engine = std::move(engine);
  c.options = options;
  const auto& main = c.engine->impl();
  guarded("allocating a context of " + main.name + " (" +
              std::to_string(main.memory.activations + main.memory.bindings + main.memory.workspace) +
              " bytes)",
          [&] {
            c.create();
            c.use(c.engine);
          });
}

const Engine& Context::engine() const { return *impl_->engine; }
const std::vector<Binding>& Context::bindings() const { return impl_->e().bindings; }
const Binding& Context::binding(std::string_view name) const {
  return impl_->e().bindings[impl_->e().bindingIndex(name)];
}

void Context::setShape(std::string_view input, const Shape& shape) {
  setShapes({{std::string(input), shape}});
}

void Context::setShapes(const InputShapes& shapes) {
  Impl& c = *impl_;
  InputShapes wanted = c.shapes;
  for (const auto& [name, shape] : shapes) {
    const Binding& largest = c.engine->binding(name);
    if (!largest.isInput)
      throw Error(ErrorCode::InvalidArgument, "'" + name + "' is an output of the network, not an input");
    if (wanted.count(name) || shape != largest.shape) wanted[name] = shape;
  }
  if (wanted == c.shapes) return;
  const auto form = formOf(*c.engine, wanted);
  const Engine* before = c.now->engine.get();
  guarded("changing the shapes of " + c.engine->impl().name, [&] {
    try {
      c.use(form ? form : c.engine);
    } catch (...) {  // there is no room for it: as it was
      if (!c.forms.count(before)) c.use(before == c.engine.get() ? c.engine : formOf(*c.engine, c.shapes));
      throw;
    }
  });
  c.shapes = std::move(wanted);
}

}  // namespace tessera
