// Packed constants as float or half.
#include "clkernels/common/storage.hpp"

#include <algorithm>
#include <list>

namespace tessera {
namespace {

HostTensor widened(const HostTensor& half) {
  HostTensor wide(DataType::Float32, half.shape);
  std::ranges::transform(half.as<Half>(), wide.as<float>().begin(), &Half::toFloat);
  return wide;
}

HostTensor rounded(const HostTensor& wide) {
  HostTensor half(DataType::Float16, wide.shape);
  std::ranges::transform(wide.as<float>(), half.as<Half>().begin(), &Half::fromFloat);
  return half;
}

}  // namespace

PackedConstant inStorage(DataType storage, PackedConstant packed) {
  return {packed.name + (storage == DataType::Float16 ? " in half" : ""),
          [storage, pack = std::move(packed.pack)](const std::vector<const HostTensor*>& inputs) {
            std::vector<const HostTensor*> seen = inputs;
            std::list<HostTensor> wide;
            for (const HostTensor*& input : seen)
              if (input && input->type == DataType::Float16) input = &wide.emplace_back(widened(*input));
            HostTensor made = pack(seen);
            return storage == DataType::Float16 ? rounded(made) : std::move(made);
          }};
}

}  // namespace tessera
