/// \file
/// Instructions of NVIDIA's devices that their OpenCL compiles for no target: sm_90a's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// What D_PTX_TARGET (clkernels/common/tensor_cores.hpp) is among build options; empty where it is not.
std::string ptxTargetOf(std::string_view options);

/// A program's binary, PTX, for `target`, whose comments that begin with the marker //@ become instructions.
/// None where it is not PTX for the target's own family: "sm_90a" wants "sm_90".
std::optional<std::string> forPtxTarget(const std::vector<unsigned char>& binary, std::string_view target);

}  // namespace tessera
