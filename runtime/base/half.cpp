// Whole tensors from f32 to f16 and back.
#include "base/half.hpp"

#include <algorithm>

namespace tessera {

HostTensor halfOf(const HostTensor& floats) {
  HostTensor half(DataType::Float16, floats.shape);
  std::ranges::transform(floats.as<float>(), half.as<Half>().begin(), &Half::fromFloat);
  return half;
}

HostTensor floatOf(const HostTensor& half) {
  HostTensor floats(DataType::Float32, half.shape);
  std::ranges::transform(half.as<Half>(), floats.as<float>().begin(), &Half::toFloat);
  return floats;
}

}  // namespace tessera
