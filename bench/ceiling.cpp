// Measures fp32 arithmetic and memory bandwidth.
#include "bench/ceiling.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "cl/cl.hpp"
#include "cl/device_impl.hpp"

namespace tessera::bench {
namespace {

// VALUES independent accumulators of type TYPE per work-item, ROUNDS dependent fma each.
constexpr const char* kSource = R"(
__kernel void flops(__global TYPE* y, float a) {
  TYPE x[VALUES];
  for (int i = 0; i < VALUES; ++i) x[i] = (TYPE)(i + (int)get_global_id(0));
  for (int r = 0; r < ROUNDS; ++r) {
    #pragma unroll
    for (int i = 0; i < VALUES; ++i) x[i] = fma(x[i], (TYPE)(a), (TYPE)(1.0f));
  }
  TYPE sum = (TYPE)(0.0f);
  for (int i = 0; i < VALUES; ++i) sum += x[i];
  y[get_global_id(0)] = sum;
}
__kernel void copy(__global const float4* x, __global float4* y) { y[get_global_id(0)] = x[get_global_id(0)]; }
)";

struct Variant {
  const char* type;
  int lanes, values;
};

class Bench {
 public:
  explicit Bench(const Device& device)
      : device_(device), queue_(device.impl().context(), device.impl().device, CL_QUEUE_PROFILING_ENABLE) {}

  double flops(const Variant& variant) {
    const bool cpu = device_.caps().isCpu();
    const std::size_t units = static_cast<std::size_t>(device_.caps().computeUnits);
    const std::size_t items = cpu ? units * 8 : units * 4096, local = cpu ? 1 : 256;
    const int rounds = cpu ? 100000 : 4096;
    cl::Program program(device_.impl().context(), kSource);
    program.build((std::string("-DTYPE=") + variant.type + " -DVALUES=" + std::to_string(variant.values) +
                   " -DROUNDS=" + std::to_string(rounds))
                      .c_str());
    const cl::Buffer y(device_.impl().context(), CL_MEM_READ_WRITE,
                       items * static_cast<std::size_t>(variant.lanes) * sizeof(float));
    cl::Kernel kernel(program, "flops");
    kernel.setArg(0, y);
    kernel.setArg(1, 0.999f);
    const double operations =
        2.0 * static_cast<double>(items) * variant.lanes * variant.values * static_cast<double>(rounds);
    return operations / best(kernel, items, local) * 1e-9;
  }

  double copy() {
    const std::size_t bytes =
        std::min<std::size_t>(device_.caps().maxAllocation / 4, std::size_t{256} << 20) / 4096 * 4096;
    cl::Program program(device_.impl().context(), kSource);
    program.build("-DTYPE=float -DVALUES=1 -DROUNDS=1");
    cl::Kernel kernel(program, "copy");
    const cl::Buffer x(device_.impl().context(), CL_MEM_READ_WRITE, bytes);
    const cl::Buffer y(device_.impl().context(), CL_MEM_READ_WRITE, bytes);
    kernel.setArg(0, x);
    kernel.setArg(1, y);
    return 2.0 * static_cast<double>(bytes) / best(kernel, bytes / 16, 256) * 1e-9;
  }

 private:
  // Seconds of the fastest of several runs.
  double best(const cl::Kernel& kernel, std::size_t global, std::size_t local) {
    double seconds = 1e30;
    for (int i = 0; i < 6; ++i) {
      cl::Event event;
      queue_.enqueueNDRangeKernel(kernel, cl::NullRange, global, local, nullptr, &event);
      event.wait();
      seconds = std::min(seconds, static_cast<double>(event.getProfilingInfo<CL_PROFILING_COMMAND_END>() -
                                                      event.getProfilingInfo<CL_PROFILING_COMMAND_START>()) *
                                      1e-9);
    }
    return seconds;
  }

  Device device_;
  cl::CommandQueue queue_;
};

}  // namespace

Ceiling measureCeiling(const Device& device) {
  return guarded("measuring the device's ceiling", [&] {
    Bench bench(device);
    Ceiling ceiling;
    const auto variants = device.caps().isCpu()
                              ? std::vector<Variant>{{"float16", 16, 24}, {"float8", 8, 12}}
                              : std::vector<Variant>{{"float4", 4, 4}, {"float", 1, 16}, {"float", 1, 32}};
    for (const Variant& variant : variants) ceiling.gflops = std::max(ceiling.gflops, bench.flops(variant));
    ceiling.gbps = bench.copy();
    return ceiling;
  });
}

}  // namespace tessera::bench
