/// \file
/// Calls of libraries that enqueue kernels of their own (KernelCall::library).
#pragma once

#include <vector>

#include "cl/cl.hpp"
#include "clkernels/family.hpp"

namespace tessera {

/// Enqueues the routine that `call` names. `operands`: one per argument, null where it is a number. `begin`
/// completes before the routine's first command, `event` with its last; both may be null. In order where the
/// queue is.
///
/// clblast, sgemm: m, n, k; then buffer, transposed, offset and row stride of a, of b and of c, in floats;
/// then a buffer for copies. Row-major c = a * b. Throws Error(DeviceError) with CLBlast's status, and where
/// that buffer is too small.
void enqueueLibraryCall(const cl::CommandQueue& queue, const KernelCall& call,
                        const std::vector<cl::Buffer>& operands, const std::vector<cl::Event>* waits,
                        cl::Event* event, cl::Event* begin);

}  // namespace tessera
