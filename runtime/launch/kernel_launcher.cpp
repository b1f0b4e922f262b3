// Binding arguments and enqueueing.
#include "launch/kernel_launcher.hpp"

#include <limits>

#include "launch/library_call.hpp"

namespace tessera {
namespace {

const cl::Buffer& bufferAt(const std::vector<cl::Buffer>& buffers, int index, const KernelCall& call,
                           const char* what) {
  if (index < 0 || index >= static_cast<int>(buffers.size()) || !buffers[index]())
    throw Error(ErrorCode::Internal, "kernel " + call.entry + " wants " + what + " " + std::to_string(index) +
                                         ", which the operator does not have");
  return buffers[index];
}

cl::NDRange range(const std::vector<std::size_t>& extents) {
  switch (extents.size()) {
    case 0:
      return cl::NullRange;
    case 1:
      return cl::NDRange(extents[0]);
    case 2:
      return cl::NDRange(extents[0], extents[1]);
    default:
      return cl::NDRange(extents[0], extents[1], extents[2]);
  }
}

}  // namespace

cl::Buffer makeCounters(const cl::Context& context, std::size_t count) {
  if (count == 0) return {};
  std::vector<cl_int> zeros(count);
  return {context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, count * sizeof(cl_int), zeros.data()};
}

PreparedCall prepareCall(const KernelCall& call, const ProgramSet& programs) {
  return {call.library.empty() ? programs.kernel(call) : cl::Kernel(), {}};
}

void setKernelArgs(PreparedCall& prepared, const KernelCall& call, const KernelBuffers& buffers) {
  using Kind = KernelArg::Kind;
  if (!call.library.empty()) {
    prepared.operands.assign(call.args.size(), cl::Buffer());
    for (std::size_t i = 0; i < call.args.size(); ++i) {
      const auto [kind, index] = std::pair(call.args[i].kind, call.args[i].index);
      if (kind == Kind::Input) prepared.operands[i] = bufferAt(buffers.inputs, index, call, "input");
      if (kind == Kind::Output) prepared.operands[i] = bufferAt(buffers.outputs, index, call, "output");
      if (kind == Kind::Scratch)
        prepared.operands[i] = bufferAt(buffers.scratch, index, call, "scratch buffer");
      if (kind == Kind::Packed)
        prepared.operands[i] = bufferAt(buffers.packed, index, call, "packed constant");
    }
    return;
  }
  cl::Kernel& kernel = prepared.kernel;
  for (cl_uint i = 0; i < call.args.size(); ++i) {
    const KernelArg& arg = call.args[i];
    switch (arg.kind) {
      case Kind::Input:
        kernel.setArg(i, bufferAt(buffers.inputs, arg.index, call, "input"));
        break;
      case Kind::Output:
        kernel.setArg(i, bufferAt(buffers.outputs, arg.index, call, "output"));
        break;
      case Kind::Scratch:
        kernel.setArg(i, bufferAt(buffers.scratch, arg.index, call, "scratch buffer"));
        break;
      case Kind::Packed:
        kernel.setArg(i, bufferAt(buffers.packed, arg.index, call, "packed constant"));
        break;
      case Kind::Counters:
        if (!buffers.counters()) throw Error(ErrorCode::Internal, "kernel " + call.entry + " wants counters");
        kernel.setArg(i, buffers.counters);
        break;
      case Kind::None:
        kernel.setArg(i, cl::Buffer());
        break;
      case Kind::Int:
        if (arg.integer > std::numeric_limits<cl_int>::max() ||
            arg.integer < std::numeric_limits<cl_int>::min())
          throw Error(ErrorCode::Unsupported, "kernel " + call.entry + ": a size or offset exceeds 32 bits");
        kernel.setArg(i, static_cast<cl_int>(arg.integer));
        break;
      case Kind::Float:
        kernel.setArg(i, arg.number);
        break;
      case Kind::Local:
        kernel.setArg(i, static_cast<std::size_t>(arg.integer), nullptr);
        break;
    }
  }
}

void enqueueKernel(const cl::CommandQueue& queue, const PreparedCall& prepared, const KernelCall& call,
                   const std::vector<cl::Event>* waits, cl::Event* event, cl::Event* begin) {
  if (!call.library.empty()) return enqueueLibraryCall(queue, call, prepared.operands, waits, event, begin);
  for (const std::size_t extent : call.global)
    if (extent == 0) return;
  queue.enqueueNDRangeKernel(prepared.kernel, cl::NullRange, range(call.global), range(call.local), waits,
                             event);
}

}  // namespace tessera
