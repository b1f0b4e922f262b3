#include "exec/weights.hpp"

#include <algorithm>

namespace tessera {
namespace {

using Key = std::pair<std::string, std::vector<const HostTensor*>>;

class Upload {
 public:
  Upload(Engine::Impl& engine, const Engine::Impl* like) : engine_(engine), like_(like) {}

  // The buffer of `key`; `make` is asked for its bytes where nobody has it.
  template <class Make>
  cl::Buffer buffer(const Key& key, const std::string& what, Make&& make) {
    cl::Buffer& buffer = engine_.weights[key];
    if (buffer()) return buffer;
    if (like_)
      if (const auto known = like_->weights.find(key); known != like_->weights.end()) {
        engine_.memory.weights += known->second.getInfo<CL_MEM_SIZE>();
        return buffer = known->second;
      }
    return buffer = upload(make(), what);
  }

 private:
  cl::Buffer upload(const HostTensor& tensor, const std::string& what) {
    const std::size_t bytes = std::max<std::size_t>(tensor.data.size(), 16);
    engine_.memory.weights += bytes;
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
    if (storage.kind == Storage::Kind::Constant)
      engine.constants[i] = upload.buffer({"", {storage.constant.get()}}, "constant " + storage.name,
                                          [&]() -> const HostTensor& { return *storage.constant; });
  }
  for (Step& step : engine.lowered.steps) {
    std::vector<const HostTensor*> inputs;
    for (const auto& constant : step.constants) inputs.push_back(constant.get());
    auto& buffers = engine.packed.emplace_back();
    for (const auto& packing : step.launch.packed)
      buffers.push_back(upload.buffer({packing.name, inputs}, "weights of " + step.layer,
                                      [&] { return packing.pack(inputs); }));
  }
}

}  // namespace tessera
