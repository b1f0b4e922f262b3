/// \file
/// Binding arguments and enqueueing a KernelCall: the one place that does it.
#pragma once

#include <vector>

#include "cl/cl.hpp"
#include "clkernels/family.hpp"

namespace tessera {

/// Buffers an operator's kernels refer to by index; null handles for absent optional operands.
struct KernelBuffers {
  const std::vector<cl::Buffer>&inputs, &outputs, &scratch, &packed;
};

/// Sets every argument of `call`. Throws Error(Internal) where a kernel wants a buffer that is not there.
void setKernelArgs(cl::Kernel& kernel, const KernelCall& call, const KernelBuffers& buffers);

/// Enqueues the kernel with the call's range; an empty range enqueues nothing.
void enqueueKernel(const cl::CommandQueue& queue, const cl::Kernel& kernel, const KernelCall& call,
                   const std::vector<cl::Event>* waits, cl::Event* event);

}  // namespace tessera
