// Runs one operator through one kernel family, with canaries.
#include "exec/op_runner.hpp"

#include <cstring>

#include "cl/program.hpp"
#include "exec/host_layout.hpp"
#include "exec/kernel_launcher.hpp"

namespace tessera {
namespace {

constexpr std::size_t kCanaryBytes = 4096;
constexpr unsigned char kCanary = 0xC5, kPoison = 0x7F;  // 0x7f7f7f7f is a large float, 0x7f a large code

}  // namespace

struct OpRunner::Impl {
  Device device;
  OpView view;
  Launch launch;
  ProgramSet programs;
  cl::CommandQueue queue;
  std::vector<cl::Buffer> inputs, outputs, scratch, packed;
  std::vector<cl::Kernel> kernels;
  std::string damage;

  explicit Impl(const Device& d) : device(d), programs(d) {}

  cl::Buffer upload(std::span<const std::byte> bytes) {
    const std::size_t size = std::max<std::size_t>(bytes.size(), 16);
    cl::Buffer buffer(device.impl().context(), CL_MEM_READ_WRITE, size);
    if (!bytes.empty()) queue.enqueueWriteBuffer(buffer, CL_TRUE, 0, bytes.size(), bytes.data());
    return buffer;
  }

  void enqueueAll(std::vector<cl::Event>* events) {
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      cl::Event event;
      enqueueKernel(queue, kernels[i], launch.calls[i], nullptr, events ? &event : nullptr);
      if (events) events->push_back(event);
    }
  }

  void checkOutput(std::size_t i, const std::vector<std::byte>& bytes) {
    const auto& desc = view.outputs[i];
    const std::size_t size = byteSize(desc.type), used = bufferElements(desc) * size;
    std::vector<unsigned char> written(bytes.size(), 0);
    for (std::int64_t e = 0; e < desc.size(); ++e) {
      const std::size_t at = layoutIndex(desc, e) * size;
      std::fill_n(written.begin() + at, size, 1);
    }
    const auto lanes = paddingLanes(desc);
    for (const std::int64_t lane : lanes) {
      const std::size_t at = lane * size;
      std::fill_n(written.begin() + at, size, 1);
      for (std::size_t b = 0; b < size; ++b)
        if (damage.empty() && bytes[at + b] != std::byte{0} &&
            !(b + 1 == size && bytes[at + b] == std::byte{0x80}))
          damage = "output " + std::to_string(i) + ": padding lane at element " + std::to_string(lane) +
                   " is not zero";
    }
    for (std::size_t b = 0; b < bytes.size(); ++b)
      if (damage.empty() && !written[b] && bytes[b] != std::byte{kCanary})
        damage = "output " + std::to_string(i) + ": byte " + std::to_string(b) + " of " +
                 std::to_string(used) + " was overwritten outside the tensor";
  }
};

OpRunner::OpRunner(OpRunner&&) noexcept = default;
OpRunner::~OpRunner() = default;

OpRunner::OpRunner(const Device& device, const KernelFamily& family, const OpView& view, const Tactic& tactic,
                   const std::vector<HostTensor>& inputs, const std::vector<bool>& constants)
    : impl_(std::make_unique<Impl>(device)) {
  Impl& r = *impl_;
  r.view = view;
  const bool int8 = !view.inputs.empty() && view.inputs[0].type == DataType::Int8;
  r.launch = family.plan(family.problem(view), tactic, int8 ? device.int8Caps() : device.caps());
  guarded("preparing " + std::string(family.id().name) + " for " + view.text(), [&] {
    r.queue = cl::CommandQueue(device.impl().context(), device.impl().device, CL_QUEUE_PROFILING_ENABLE);
    std::vector<const KernelCall*> calls;
    for (const auto& call : r.launch.calls) calls.push_back(&call);
    r.programs.build(calls);
    for (std::size_t i = 0; i < view.inputs.size(); ++i) {
      if (!view.has(i)) {
        r.inputs.emplace_back();
        continue;
      }
      std::vector<std::byte> bytes(bufferElements(view.inputs[i]) * byteSize(view.inputs[i].type),
                                   std::byte{0xFF});
      toLayout(view.inputs[i], inputs.at(i), bytes);
      r.inputs.push_back(r.upload(bytes));
    }
    for (const auto& output : view.outputs) {
      const std::size_t bytes = bufferElements(output) * byteSize(output.type) + kCanaryBytes;
      r.outputs.emplace_back(device.impl().context(), CL_MEM_READ_WRITE, bytes);
    }
    for (const std::size_t bytes : r.launch.scratch) {
      r.scratch.emplace_back(device.impl().context(), CL_MEM_READ_WRITE, std::max<std::size_t>(bytes, 16));
      r.queue.enqueueFillBuffer(r.scratch.back(), cl_uchar{0xFF}, 0, bytes);
    }
    std::vector<const HostTensor*> given;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      given.push_back(i < constants.size() && constants[i] && !inputs[i].empty() ? &inputs[i] : nullptr);
    given.resize(view.inputs.size(), nullptr);
    for (const auto& constant : r.launch.packed) r.packed.push_back(r.upload(constant.pack(given).data));
    for (const auto& call : r.launch.calls) {
      r.kernels.push_back(r.programs.kernel(call));
      setKernelArgs(r.kernels.back(), call, {r.inputs, r.outputs, r.scratch, r.packed});
    }
  });
}

std::vector<HostTensor> OpRunner::run() {
  Impl& r = *impl_;
  r.damage.clear();
  std::vector<HostTensor> results;
  guarded("running " + r.view.text(), [&] {
    for (std::size_t i = 0; i < r.outputs.size(); ++i) {
      const auto& desc = r.view.outputs[i];
      const std::size_t size = byteSize(desc.type), total = bufferElements(desc) * size + kCanaryBytes;
      std::vector<std::byte> bytes(total, std::byte{kCanary});
      for (std::int64_t e = 0; e < desc.size(); ++e)
        std::memset(&bytes[layoutIndex(desc, e) * size], kPoison, size);
      for (const std::int64_t lane : paddingLanes(desc)) std::memset(&bytes[lane * size], kPoison, size);
      r.queue.enqueueWriteBuffer(r.outputs[i], CL_TRUE, 0, total, bytes.data());
    }
    r.enqueueAll(nullptr);
    r.queue.finish();
    for (std::size_t i = 0; i < r.outputs.size(); ++i) {
      const auto& desc = r.view.outputs[i];
      std::vector<std::byte> bytes(bufferElements(desc) * byteSize(desc.type) + kCanaryBytes);
      r.queue.enqueueReadBuffer(r.outputs[i], CL_TRUE, 0, bytes.size(), bytes.data());
      r.checkOutput(i, bytes);
      results.push_back(fromLayout(desc, bytes));
    }
  });
  return results;
}

const std::string& OpRunner::damage() const { return impl_->damage; }

double OpRunner::timeOnce() {
  Impl& r = *impl_;
  return guarded("timing " + r.view.text(), [&] {
    std::vector<cl::Event> events;
    r.enqueueAll(&events);
    r.queue.finish();
    double total = 0;
    for (const auto& event : events)
      total += static_cast<double>(event.getProfilingInfo<CL_PROFILING_COMMAND_END>() -
                                   event.getProfilingInfo<CL_PROFILING_COMMAND_START>());
    return total * 1e-6;
  });
}

}  // namespace tessera
