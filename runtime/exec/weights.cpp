#include "exec/weights.hpp"

#include <xxhash.h>

#include <algorithm>

namespace tessera {
namespace {

using Key = std::pair<std::string, std::vector<const HostTensor*>>;

ContentHash contentOf(const HostTensor& tensor) {
  const auto [low, high] = XXH3_128bits(tensor.data.data(), tensor.data.size());
  return {low, high, tensor.data.size()};
}

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
        return keep(key, known->second, [&] { return like_->weights.at(known->second); });
    decltype(auto) tensor = make();
    const ContentHash content = contentOf(tensor);
    return keep(key, content, [&] {
      if (like_)
        if (const auto equal = like_->weights.find(content); equal != like_->weights.end())
          return equal->second;
      return upload(tensor, what);
    });
  }

 private:
  template <class Get>
  cl::Buffer keep(const Key& key, const ContentHash& content, Get&& get) {
    engine_.packings[key] = content;
    cl::Buffer& buffer = engine_.weights[content];
    if (buffer()) return buffer;
    buffer = get();
    engine_.memory.weights += buffer.getInfo<CL_MEM_SIZE>();
    return buffer;
  }

  cl::Buffer upload(const HostTensor& tensor, const std::string& what) {
    const std::size_t bytes = std::max<std::size_t>(tensor.data.size(), 16);
    const auto& impl = engine_.device.impl();
    return guarded("uploading " + what + " (" + std::to_string(tensor.data.size()) + " bytes)", [&] {
      if (!queue_()) queue_ = cl::CommandQueue(impl.context(), impl.device);
      cl::Buffer buffer(impl.context(), CL_MEM_READ_ONLY, bytes);
      if (!tensor.data.empty())
        queue_.enqueueWriteBuffer(buffer, CL_TRUE, 0, tensor.data.size(), tensor.data.data());
      return buffer;
    });
  }

  Engine::Impl& engine_;
  const Engine::Impl* like_;
  cl::CommandQueue queue_;
};

}  // namespace

void uploadWeights(Engine::Impl& engine, const Engine::Impl* like) {
  Upload upload(engine, like);
  engine.constants.resize(engine.lowered.storages.size());
  for (std::size_t i = 0; i < engine.lowered.storages.size(); ++i) {
    const Storage& storage = engine.lowered.storages[i];
    if (storage.constant)
      engine.constants[i] = upload.buffer({"", {storage.constant.get()}}, "constant " + storage.name,
                                          [&]() -> const HostTensor& { return *storage.constant; });
  }
  for (Step& step : engine.lowered.steps) {
    std::vector<const HostTensor*> inputs;
    for (const auto& constant : step.constants) inputs.push_back(constant.get());
    auto& buffers = engine.packed.emplace_back();
    const Problem problem = step.family->problem(step.view);
    for (std::size_t i = 0; i < step.launch.packed.size(); ++i)
      buffers.push_back(upload.buffer({packingKey(*step.family, problem, step.tactic, i), inputs},
                                      "weights of " + step.layer,
                                      [&] { return step.launch.packed[i].pack(inputs); }));
  }
}

}  // namespace tessera
