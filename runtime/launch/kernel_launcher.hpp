/// \file
/// Binding arguments and enqueueing a KernelCall: the one place that does it.
#pragma once

#include <vector>

#include "cl/program.hpp"
#include "clkernels/family.hpp"

namespace tessera {

/// Buffers an operator's kernels refer to by index; null handles for absent optional operands.
struct KernelBuffers {
  const std::vector<cl::Buffer>&inputs, &outputs, &scratch, &packed;
  const cl::Buffer& counters;  ///< null where no kernel wants one
};

/// A call with what it needs to be enqueued. Never shared between threads.
struct PreparedCall {
  cl::Kernel kernel;                 ///< with its arguments; null for a library's routine,
  std::vector<cl::Buffer> operands;  ///< which has these instead: one per argument, null for numbers
};
PreparedCall prepareCall(const KernelCall& call, const ProgramSet& programs);

/// Ints that are zero, for launches that count (KernelArg::counters); null for none.
cl::Buffer makeCounters(const cl::Context& context, std::size_t count);

/// Sets every argument of `call`. Throws Error(Internal) where a kernel wants a buffer that is not there.
void setKernelArgs(PreparedCall& prepared, const KernelCall& call, const KernelBuffers& buffers);

/// Enqueues the kernel with the call's range, or the library's routine; an empty range enqueues nothing.
/// `event` completes with the last command; where there may be several, `begin` completes before the first,
/// else it stays null.
void enqueueKernel(const cl::CommandQueue& queue, const PreparedCall& prepared, const KernelCall& call,
                   const std::vector<cl::Event>* waits, cl::Event* event, cl::Event* begin = nullptr);

}  // namespace tessera
