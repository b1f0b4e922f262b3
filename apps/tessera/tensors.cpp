// Input tensors for commands.
#include "apps/tessera/tensors.hpp"

#include <algorithm>
#include <random>

#include "apps/common/npy.hpp"

namespace tessera::app {

HostTensor randomTensor(const Binding& binding, unsigned seed) {
  HostTensor tensor(binding.type, binding.shape);
  std::mt19937 random(seed + 1);
  const bool isFloat = binding.type == DataType::Float32 || binding.type == DataType::Float16;
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (std::int64_t i = 0; i < tensor.size(); ++i)
    tensor.setNumber(i, isFloat ? uniform(random) : static_cast<double>(random() & 1u));
  return tensor;
}

TensorMap readInputs(const Engine& engine, const std::vector<std::string>& arguments) {
  std::vector<const Binding*> inputs;
  for (const Binding& binding : engine.bindings())
    if (binding.isInput) inputs.push_back(&binding);
  TensorMap tensors;
  for (const std::string& argument : arguments) {
    const auto equals = argument.find('=');
    if (equals == std::string::npos && inputs.size() != 1)
      throw Error(ErrorCode::InvalidArgument, "The network has " + std::to_string(inputs.size()) +
                                                  " inputs: give each as NAME=FILE.npy.");
    const std::string name = equals == std::string::npos ? inputs.front()->name : argument.substr(0, equals);
    const std::string file = equals == std::string::npos ? argument : argument.substr(equals + 1);
    const Binding& binding = engine.binding(name);
    HostTensor value = readNpy(file);
    if (value.type != binding.type || value.shape != binding.shape)
      throw Error(ErrorCode::InvalidArgument, file + " is " + std::string(toString(value.type)) + ":" +
                                                  toString(value.shape) + ", the input '" + name +
                                                  "' wants " + std::string(toString(binding.type)) + ":" +
                                                  toString(binding.shape) + ".");
    tensors[name] = std::move(value);
  }
  return tensors;
}

}  // namespace tessera::app
