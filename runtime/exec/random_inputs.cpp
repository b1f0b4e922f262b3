#include "exec/random_inputs.hpp"

#include <random>

namespace tessera {
namespace {

// Of the generator's bits alone: distributions of the standard library differ between libraries.
double valueOf(std::uint32_t bits, DataType type) {
  switch (type) {
    case DataType::Float32:
    case DataType::Float16:
      return (bits >> 8) * 0x1p-23 - 1;
    case DataType::UInt8:
      return bits >> 24;
    case DataType::Int8:
      return static_cast<double>(bits % 255) - 127;
    default:
      return bits >> 31;
  }
}

HostTensor randomValues(const Binding& binding, std::uint32_t seed) {
  std::mt19937 engine(seed);
  HostTensor tensor(binding.type, binding.shape);
  const std::int64_t size = tensor.size();
  if (binding.type == DataType::Float32) {
    for (float& value : tensor.as<float>())
      value = static_cast<float>(valueOf(static_cast<std::uint32_t>(engine()), binding.type));
    return tensor;
  }
  for (std::int64_t i = 0; i < size; ++i)
    tensor.setNumber(i, valueOf(static_cast<std::uint32_t>(engine()), binding.type));
  return tensor;
}

}  // namespace

TensorMap randomInputs(const Engine& engine, std::uint32_t seed) {
  TensorMap inputs;
  for (const Binding& binding : engine.bindings())
    if (binding.isInput) inputs[binding.name] = randomValues(binding, seed++);
  return inputs;
}

}  // namespace tessera
