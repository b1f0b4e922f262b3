#include "exec/weights.hpp"

#include <xxhash.h>

#include <algorithm>
#include <set>
#include <type_traits>

#include "base/own_file.hpp"

namespace tessera {

ContentHash contentOf(std::span<const std::byte> bytes) {
  const auto [low, high] = XXH3_128bits(bytes.data(), bytes.size());
  return {low, high, bytes.size()};
}

namespace {

using Key = std::pair<std::string, std::vector<const HostTensor*>>;

// Packed weights that a plan brings, of the steps whose programs it brings as well: packings may have changed
// with the kernels that read them.
class Planned {
 public:
  explicit Planned(const Engine::Impl& engine) {
    if (!engine.planned) return;
    std::set<std::string> programs;
    for (const ProgramBinary& program : engine.planned->programs) programs.insert(program.identity);
    const auto& steps = engine.lowered.steps;
    std::vector<bool> holds(steps.size(), true);
    for (std::size_t i = 0; i < steps.size(); ++i)
      for (const KernelCall& call : steps[i].launch.calls)
        if (call.library.empty() && !programs.count(identityOf(engine.device, ProgramSource::of(call))))
          holds[i] = false;
    for (const PlannedWeights& weights : engine.planned->weights)
      if (weights.step < steps.size() && holds[weights.step])
        found_[{weights.step, weights.index}] = &weights;
  }
  const PlannedWeights* find(std::size_t step, std::size_t index) const {
    const auto it = found_.find({step, index});
    return it == found_.end() ? nullptr : it->second;
  }

 private:
  std::map<std::pair<std::size_t, std::size_t>, const PlannedWeights*> found_;
};

class Upload {
 public:
  Upload(Engine::Impl& engine, const Engine::Impl* like) : engine_(engine), like_(like) {}

  // The buffer of `key`; `make` is asked for its bytes where nobody knows them.
  template <class Make>
  cl::Buffer buffer(const Key& key, const std::string& what, Make&& make) {
    if (const auto known = engine_.packings.find(key); known != engine_.packings.end())
      return engine_.weights.at(known->second);
    if (like_)
      if (const auto known = like_->packings.find(key); known != like_->packings.end())
        return keep(key, known->second,
                    [&](const ContentHash& content) { return like_->weights.at(content); });
    constexpr bool temporary = !std::is_reference_v<decltype(make())>;
    decltype(auto) tensor = make();
    return keep(key, contentOf(tensor.data), [&](const ContentHash& content) {
      if (like_)
        if (const auto equal = like_->weights.find(content); equal != like_->weights.end())
          return equal->second;
      return upload(tensor.data, what, temporary && !tensor.data.isView());
    });
  }
  // The buffer of what a plan brings.
  cl::Buffer buffer(const Key& key, const PlannedWeights& planned, const std::string& what) {
    return keep(key, planned.content, [&](const ContentHash&) {
      return stays(planned.bytes) ? mapped(planned.bytes, what) : upload(planned.bytes, what);
    });
  }

 private:
  template <class Get>
  cl::Buffer keep(const Key& key, const ContentHash& content, Get&& get) {
    engine_.packings[key] = content;
    cl::Buffer& buffer = engine_.weights[content];
    if (buffer()) return buffer;
    buffer = get(content);
    engine_.memory.weights += buffer.getInfo<CL_MEM_SIZE>();
    return buffer;
  }

  // Weights of a plan stay in the mapped file, which the engine keeps, where the device computes in the
  // host's memory.
  bool stays(const KeptBytes& bytes) const {
    const DeviceCaps& caps = engine_.caps;
    return caps.pocl && caps.isCpu() && bytes.size() >= kLeastBytes &&
           reinterpret_cast<std::uintptr_t>(bytes.data()) % kBufferAlignment == 0;
  }

  cl::Buffer mapped(const KeptBytes& bytes, const std::string& what) const {
    return guarded("mapping " + what, [&] {
      return cl::Buffer(engine_.device.impl().context(), CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, bytes.size(),
                        const_cast<std::byte*>(bytes.data()));
    });
  }

  // `temporary`: nobody reads the bytes afterwards, so their memory goes part by part as they are written:
  // large weights are not held twice.
  cl::Buffer upload(std::span<const std::byte> bytes, const std::string& what, bool temporary = false) {
    const std::size_t size = std::max(bytes.size(), kLeastBytes);
    const auto& impl = engine_.device.impl();
    return guarded("uploading " + what + " (" + std::to_string(bytes.size()) + " bytes)", [&] {
      if (!queue_()) queue_ = cl::CommandQueue(impl.context(), impl.device);
      cl::Buffer buffer(impl.context(), CL_MEM_READ_ONLY, size);
      for (std::size_t at = 0; at < bytes.size(); at += kPart) {
        const auto part = bytes.subspan(at, std::min(kPart, bytes.size() - at));
        queue_.enqueueWriteBuffer(buffer, CL_TRUE, at, part.size(), part.data());
        if (temporary) dropPages(part);
      }
      return buffer;
    });
  }

  static constexpr std::size_t kLeastBytes = 16, kBufferAlignment = 64, kPart = std::size_t{16} << 20;
  Engine::Impl& engine_;
  const Engine::Impl* like_;
  cl::CommandQueue queue_;
};

std::vector<const HostTensor*> constantsOf(const Step& step) {
  std::vector<const HostTensor*> inputs;
  for (const auto& constant : step.constants) inputs.push_back(constant.get());
  return inputs;
}

// They are seldom read again.
void release(const std::vector<const HostTensor*>& constants) {
  for (const HostTensor* constant : constants)
    if (constant) releaseOwnFile(constant->data);
}

}  // namespace

void uploadWeights(Engine::Impl& engine, const Engine::Impl* like) {
  Upload upload(engine, like);
  const Planned planned(engine);
  engine.constants.resize(engine.lowered.storages.size());
  for (std::size_t i = 0; i < engine.lowered.storages.size(); ++i) {
    const Storage& storage = engine.lowered.storages[i];
    if (storage.constant)
      engine.constants[i] = upload.buffer({"", {storage.constant.get()}}, "constant " + storage.name,
                                          [&]() -> const HostTensor& { return *storage.constant; });
    release({storage.constant.get()});
  }
  for (std::size_t at = 0; at < engine.lowered.steps.size(); ++at) {
    const Step& step = engine.lowered.steps[at];
    auto& buffers = engine.packed.emplace_back();
    const auto inputs = constantsOf(step);
    const Problem problem = step.family->problem(step.view);
    for (std::size_t i = 0; i < step.launch.packed.size(); ++i) {
      const Key key{packingKey(*step.family, problem, step.tactic, i), inputs};
      const std::string what = "weights of " + step.layer;
      if (const PlannedWeights* known = planned.find(at, i)) {
        buffers.push_back(upload.buffer(key, *known, what));
        engine.plannedWeights += 1;
      } else {
        buffers.push_back(upload.buffer(key, what, [&] {
          HostTensor packed = step.launch.packed[i].pack(inputs);
          release(inputs);
          return packed;
        }));
        release(inputs);  // a packing may be a view of them
      }
    }
  }
}

std::vector<PlannedWeights> packedWeights(const Engine::Impl& engine) {
  std::size_t packings = 0;
  for (const Step& step : engine.lowered.steps) packings += step.launch.packed.size();
  if (engine.planned && engine.plannedWeights == packings) return engine.planned->weights;
  std::vector<PlannedWeights> all;
  for (std::size_t at = 0; at < engine.lowered.steps.size(); ++at) {
    const Step& step = engine.lowered.steps[at];
    const auto inputs = constantsOf(step);
    for (std::size_t i = 0; i < step.launch.packed.size(); ++i) {
      HostTensor packed = step.launch.packed[i].pack(inputs);
      release(inputs);
      const ContentHash content = contentOf(packed.data);
      all.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(i), content,
                     KeptBytes(std::move(packed.data).take())});
    }
  }
  return all;
}

}  // namespace tessera
