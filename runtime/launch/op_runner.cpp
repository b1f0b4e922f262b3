// Runs one operator through one kernel family, with canaries.
#include "launch/op_runner.hpp"

#include <chrono>
#include <cstring>
#include <map>

#include "cl/program.hpp"
#include "launch/caps_for.hpp"
#include "launch/guarded_buffer.hpp"
#include "launch/host_layout.hpp"
#include "launch/kernel_launcher.hpp"

namespace tessera {
namespace {

using Guards = std::vector<std::pair<std::string, GuardedBuffer>>;  // with what they are

constexpr std::size_t kCanaryBytes = 4096;
constexpr unsigned char kCanary = 0xC5, kPoison = 0x7F;  // 0x7f7f7f7f is a large float, 0x7f a large code

// The buffer of an output before a run: canaries everywhere but where elements and padding lanes belong.
std::vector<std::byte> poisoned(const TensorDesc& desc) {
  const std::size_t size = byteSize(desc.type), used = bufferElements(desc) * size;
  std::vector<std::byte> bytes(used + kCanaryBytes, std::byte{kCanary});
  if (desc.dense()) {
    std::memset(bytes.data(), kPoison, used);
    return bytes;
  }
  for (std::int64_t e = 0; e < desc.size(); ++e)
    std::memset(&bytes[layoutIndex(desc, e) * size], kPoison, size);
  for (const std::int64_t lane : paddingLanes(desc)) std::memset(&bytes[lane * size], kPoison, size);
  return bytes;
}

// What a run did to the bytes that are not elements of the tensor; empty: nothing.
std::string damageOf(const TensorDesc& desc, const std::vector<std::byte>& bytes) {
  const std::size_t size = byteSize(desc.type), used = bufferElements(desc) * size;
  const auto lanes = paddingLanes(desc);
  for (const std::int64_t lane : lanes)
    for (std::size_t b = 0; b < size; ++b) {
      const std::byte value = bytes[lane * size + b];
      if (value != std::byte{0} && !(b + 1 == size && value == std::byte{0x80}))  // a negative zero is one
        return "padding lane at element " + std::to_string(lane) + " is not zero";
    }
  const auto overwritten = [&](std::size_t b) {
    return "byte " + std::to_string(b) + " of " + std::to_string(used) +
           " was overwritten outside the tensor";
  };
  if (desc.dense()) {
    for (std::size_t b = used; b < bytes.size(); ++b)
      if (bytes[b] != std::byte{kCanary}) return overwritten(b);
    return {};
  }
  std::vector<unsigned char> own(bytes.size(), 0);
  for (std::int64_t e = 0; e < desc.size(); ++e)
    std::fill_n(own.begin() + layoutIndex(desc, e) * size, size, 1);
  for (const std::int64_t lane : lanes) std::fill_n(own.begin() + lane * size, size, 1);
  for (std::size_t b = 0; b < bytes.size(); ++b)
    if (!own[b] && bytes[b] != std::byte{kCanary}) return overwritten(b);
  return {};
}

}  // namespace

struct OpOperands::Impl {
  Device device;
  OpView view;
  std::shared_ptr<const std::vector<HostTensor>> values;
  std::vector<bool> constants;
  cl::CommandQueue queue;
  std::vector<cl::Buffer> inputs, outputs;
  std::map<std::string, cl::Buffer> packed;
  std::optional<Watch> watch;
  Guards guarded;  // none unless watched

  explicit Impl(const Device& d) : device(d) {}

  // `what` it is: of buffers that are guarded where operands are watched.
  cl::Buffer allocate(std::size_t bytes, const std::string& what, Guards& guards) {
    if (!watch)
      return cl::Buffer(device.impl().context(), CL_MEM_READ_WRITE, std::max<std::size_t>(bytes, 16));
    return guards.emplace_back(what, GuardedBuffer(queue, bytes)).second.inner();
  }

  std::vector<std::byte> inputBytes(std::size_t i) const {
    std::vector<std::byte> bytes(bufferElements(view.inputs[i]) * byteSize(view.inputs[i].type),
                                 std::byte{0xFF});
    toLayout(view.inputs[i], values->at(i), bytes);
    return bytes;
  }

  std::string inputName(std::size_t i) const {
    return "input '" + (watch && i < watch->inputs.size() ? watch->inputs[i] : std::to_string(i)) + "'";
  }

  // An input that is no longer what was uploaded.
  std::string changedInput() const {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i]()) continue;
      const auto wanted = inputBytes(i);
      std::vector<std::byte> bytes(wanted.size());
      if (!bytes.empty()) queue.enqueueReadBuffer(inputs[i], CL_TRUE, 0, bytes.size(), bytes.data());
      const auto at = std::ranges::mismatch(bytes, wanted).in1 - bytes.begin();
      if (at < std::ssize(bytes))
        return inputName(i) + ": element " + std::to_string(at / byteSize(view.inputs[i].type)) +
               " was overwritten, inputs are only read";
    }
    return {};
  }

  cl::Buffer upload(std::span<const std::byte> bytes) {
    const std::size_t size = std::max<std::size_t>(bytes.size(), 16);
    return upload(bytes, cl::Buffer(device.impl().context(), CL_MEM_READ_WRITE, size));
  }
  cl::Buffer upload(std::span<const std::byte> bytes, cl::Buffer buffer) const {
    if (!bytes.empty()) queue.enqueueWriteBuffer(buffer, CL_TRUE, 0, bytes.size(), bytes.data());
    return buffer;
  }

  cl::Buffer pack(const std::string& key, const PackedConstant& constant) {
    cl::Buffer& buffer = packed[key];
    if (buffer()) return buffer;
    std::vector<const HostTensor*> given;
    for (std::size_t i = 0; i < values->size(); ++i)
      given.push_back(i < constants.size() && constants[i] && !(*values)[i].empty() ? &(*values)[i]
                                                                                    : nullptr);
    given.resize(view.inputs.size(), nullptr);
    return buffer = upload(constant.pack(given).data);
  }
};

OpOperands::~OpOperands() = default;
const OpView& OpOperands::view() const { return impl_->view; }
void OpOperands::dropPacked() { impl_->packed.clear(); }

std::size_t OpOperands::packedBytes() const {
  std::size_t bytes = 0;
  for (const auto& [_, buffer] : impl_->packed) bytes += buffer() ? buffer.getInfo<CL_MEM_SIZE>() : 0;
  return bytes;
}

std::size_t OpOperands::bytesFor(const OpView& view) {
  std::size_t bytes = 0;
  for (const auto* operands : {&view.inputs, &view.outputs})
    for (const TensorDesc& t : *operands)
      if (t.present()) bytes += bufferElements(t) * byteSize(t.type);
  return bytes;
}

OpOperands::OpOperands(const Device& device, const OpView& view, std::vector<HostTensor> inputs,
                       std::vector<bool> constants, std::optional<Watch> watch)
    : OpOperands(device, view, std::make_shared<const std::vector<HostTensor>>(std::move(inputs)),
                 std::move(constants), std::move(watch)) {}

OpOperands::OpOperands(const Device& device, const OpView& view,
                       std::shared_ptr<const std::vector<HostTensor>> inputs, std::vector<bool> constants,
                       std::optional<Watch> watch)
    : impl_(std::make_unique<Impl>(device)) {
  Impl& o = *impl_;
  o.view = view;
  o.values = std::move(inputs);
  o.constants = std::move(constants);
  o.watch = std::move(watch);
  guarded("allocating the operands of " + view.text(), [&] {
    o.queue = cl::CommandQueue(device.impl().context(), device.impl().device, CL_QUEUE_PROFILING_ENABLE);
    for (std::size_t i = 0; i < view.inputs.size(); ++i) {
      if (!view.has(i)) {
        o.inputs.emplace_back();
        continue;
      }
      const auto bytes = o.inputBytes(i);
      o.inputs.push_back(o.upload(bytes, o.allocate(bytes.size(), o.inputName(i), o.guarded)));
    }
    for (const auto& output : view.outputs) {
      const std::size_t bytes = bufferElements(output) * byteSize(output.type) + kCanaryBytes;
      o.outputs.push_back(o.allocate(bytes, "output " + std::to_string(o.outputs.size()), o.guarded));
    }
  });
}

struct OpRunner::Impl {
  std::shared_ptr<OpOperands> operands;
  Launch launch;
  std::vector<cl::Buffer> scratch, packed;
  cl::Buffer counters;
  Guards guarded;  // of scratch
  std::vector<PreparedCall> kernels;
  std::string damage;

  OpOperands::Impl& o() const { return *operands->impl_; }

  void enqueueAll() {
    for (std::size_t i = 0; i < kernels.size(); ++i)
      enqueueKernel(o().queue, kernels[i], launch.calls[i], nullptr, nullptr);
  }

  void arm() const {
    for (const Guards* guards : std::initializer_list<const Guards*>{&o().guarded, &guarded})
      for (const auto& [what, buffer] : *guards) buffer.arm(o().queue);
  }
  std::string watchedDamage() const {
    for (const Guards* guards : std::initializer_list<const Guards*>{&o().guarded, &guarded})
      for (const auto& [what, buffer] : *guards)
        if (const auto damage = buffer.damage(o().queue); !damage.empty()) return what + ": " + damage;
    return o().watch ? o().changedInput() : std::string();
  }
};

OpRunner::OpRunner(OpRunner&&) noexcept = default;
OpRunner::~OpRunner() = default;

OpRunner::OpRunner(const Device& device, const KernelFamily& family, const OpView& view, const Tactic& tactic,
                   const std::vector<HostTensor>& inputs, const std::vector<bool>& constants)
    : OpRunner(device, family, std::make_shared<OpOperands>(device, view, inputs, constants), tactic) {}

OpRunner::OpRunner(const Device& device, const KernelFamily& family, std::shared_ptr<OpOperands> operands,
                   const Tactic& tactic, const ProgramSet* programs)
    : impl_(std::make_unique<Impl>()) {
  Impl& r = *impl_;
  r.operands = std::move(operands);
  OpOperands::Impl& o = r.o();
  const Problem problem = family.problem(o.view);
  r.launch = family.plan(problem, tactic, capsFor(device, o.view));
  guarded("preparing " + std::string(family.id().name) + " for " + o.view.text(), [&] {
    ProgramSet own(device);
    if (!programs) {
      std::vector<const KernelCall*> calls;
      for (const auto& call : r.launch.calls) calls.push_back(&call);
      own.build(calls);
      programs = &own;
    }
    for (const std::size_t bytes : r.launch.scratch) {
      r.scratch.push_back(o.allocate(bytes, "scratch " + std::to_string(r.scratch.size()), r.guarded));
      o.queue.enqueueFillBuffer(r.scratch.back(), cl_uchar{0xFF}, 0, bytes);
    }
    r.counters = makeCounters(device.impl().context(), r.launch.counters);
    for (std::size_t i = 0; i < r.launch.packed.size(); ++i)
      r.packed.push_back(o.pack(packingKey(family, problem, tactic, i), r.launch.packed[i]));
    for (const auto& call : r.launch.calls) {
      r.kernels.push_back(prepareCall(call, *programs));
      setKernelArgs(r.kernels.back(), call, {o.inputs, o.outputs, r.scratch, r.packed, r.counters});
    }
  });
}

std::vector<HostTensor> OpRunner::run() {
  Impl& r = *impl_;
  OpOperands::Impl& o = r.o();
  r.damage.clear();
  std::vector<HostTensor> results;
  guarded("running " + o.view.text(), [&] {
    for (std::size_t i = 0; i < o.outputs.size(); ++i) {
      const auto bytes = poisoned(o.view.outputs[i]);
      o.queue.enqueueWriteBuffer(o.outputs[i], CL_TRUE, 0, bytes.size(), bytes.data());
    }
    r.arm();
    r.enqueueAll();
    o.queue.finish();
    r.damage = r.watchedDamage();
    for (std::size_t i = 0; i < o.outputs.size(); ++i) {
      const auto& desc = o.view.outputs[i];
      std::vector<std::byte> bytes(bufferElements(desc) * byteSize(desc.type) + kCanaryBytes);
      o.queue.enqueueReadBuffer(o.outputs[i], CL_TRUE, 0, bytes.size(), bytes.data());
      if (r.damage.empty())
        if (const auto damage = damageOf(desc, bytes); !damage.empty())
          r.damage = "output " + std::to_string(i) + ": " + damage;
      results.push_back(fromLayout(desc, bytes));
    }
  });
  return results;
}

const std::string& OpRunner::damage() const { return impl_->damage; }

double OpRunner::time(int passes) {
  Impl& r = *impl_;
  return guarded("timing " + r.o().view.text(), [&] {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < passes; ++i) r.enqueueAll();
    r.o().queue.finish();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count() /
           passes;
  });
}

}  // namespace tessera
