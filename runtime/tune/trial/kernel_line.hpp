/// \file
/// A kernel as a line of text: what a process needs to compile it as another one will run it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cl/device_impl.hpp"
#include "clkernels/family.hpp"

namespace tessera {

/// A kernel, and buffers that are large enough for any of its operands.
struct KernelWork {
  KernelCall call;
  std::size_t bytes = 0;
  bool operator==(const KernelWork& other) const;
};

/// Fields separated by tabs, without a line end.
std::string lineOf(const KernelWork& work);
/// None where the fields are not such a line's.
std::optional<KernelWork> kernelWorkIn(const std::vector<std::string_view>& fields);

/// Compiles a kernel for the size of its work-groups, as drivers do that wait for the first launch with that:
/// launches one group of it over buffers of zeros, one for each operand. Throws what building and launching
/// throw.
void compileKernel(const Device& device, const KernelWork& work);

}  // namespace tessera
