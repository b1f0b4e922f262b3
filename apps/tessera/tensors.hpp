/// \file
/// Input tensors for commands.
#pragma once

#include <string>
#include <vector>

#include "tessera/context.hpp"

namespace tessera::app {

/// Uniform random numbers, [-1, 1] for floating point, 0 to 1 for integers; the same in every run.
HostTensor randomTensor(const Binding& binding, unsigned seed);

/// `NAME=FILE.npy` or, where the network has one input, `FILE.npy`.
TensorMap readInputs(const Engine& engine, const std::vector<std::string>& arguments);

}  // namespace tessera::app
