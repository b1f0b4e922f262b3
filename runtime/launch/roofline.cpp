// Measures arithmetic, memory bandwidth and launches.
#include "launch/roofline.hpp"

#include <algorithm>
#include <chrono>

#include "cl/device_impl.hpp"
#include "cl/program.hpp"

namespace tessera {
namespace {

enum class Kind { Fp32 = 0, Half = 1, MmaF16 = 2, MmaS8 = 3, Copy = 4, Nothing = 5 };

struct Variant {
  Kind kind;
  int lanes, values;
  double operations;  ///< of a work-item's accumulator in a round
};

constexpr int kGroup = 256;  // work-items of a group on GPUs

class Bench {
 public:
  explicit Bench(const Device& device)
      : device_(device), queue_(device.impl().context(), device.impl().device, CL_QUEUE_PROFILING_ENABLE) {}

  // 10^9 operations per second.
  double arithmetic(const Variant& variant) {
    const bool cpu = device_.caps().isCpu();
    const std::size_t units = static_cast<std::size_t>(device_.caps().computeUnits);
    const std::size_t items = cpu ? units * 8 : units * 4096,
                      local = cpu ? 1 : std::min<std::size_t>(kGroup, device_.caps().maxWorkGroup);
    const bool tensor = variant.kind == Kind::MmaF16 || variant.kind == Kind::MmaS8;
    const int rounds = cpu ? 100000 : tensor ? 1024 : 4096;
    cl::Kernel kernel = build(variant.kind, variant.lanes, variant.values, rounds);
    const cl::Buffer y = buffer(items * static_cast<std::size_t>(variant.lanes) * sizeof(float));
    kernel.setArg(0, y);
    kernel.setArg(1, 0.999f);
    return variant.operations * static_cast<double>(items) * variant.values * rounds /
           best(kernel, items, local) * 1e-9;
  }

  double copy() {
    const std::size_t bytes =
        std::min<std::size_t>(device_.caps().maxAllocation / 4, std::size_t{256} << 20) / 4096 * 4096;
    cl::Kernel kernel = build(Kind::Copy, 4, 1, 1);
    const cl::Buffer x = buffer(bytes), y = buffer(bytes);
    queue_.enqueueFillBuffer(x, 0, 0, bytes);
    kernel.setArg(0, x);
    kernel.setArg(1, y);
    const std::size_t local = std::min<std::size_t>(kGroup, device_.caps().maxWorkGroup);
    return 2.0 * static_cast<double>(bytes) / best(kernel, bytes / 16, local) * 1e-9;
  }

  // Microseconds of host time per launch; `finish`: waiting for each.
  double launch(bool finish) {
    using Clock = std::chrono::steady_clock;
    const cl::CommandQueue queue(device_.impl().context(), device_.impl().device);
    cl::Kernel kernel = build(Kind::Nothing, 1, 1, 1);
    const cl::Buffer y = buffer(16);
    kernel.setArg(0, y);
    const int count = finish ? 200 : 2000;
    double least = 1e30;
    for (int repeat = 0; repeat < 5; ++repeat) {
      queue.finish();
      const auto begin = Clock::now();
      for (int i = 0; i < count; ++i) {
        queue.enqueueNDRangeKernel(kernel, cl::NullRange, 32, 32);
        if (finish) queue.finish();
      }
      queue.finish();
      least =
          std::min(least, std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / count);
    }
    return least;
  }

 private:
  cl::Kernel build(Kind kind, int lanes, int values, int rounds) {
    const KernelCall call{"roofline/roofline.cl",
                          "roofline",
                          {{"P_KIND", std::to_string(static_cast<int>(kind))},
                           {"P_LANES", std::to_string(lanes)},
                           {"P_VALUES", std::to_string(values)},
                           {"P_ROUNDS", std::to_string(rounds)},
                           {"D_PTX", device_.caps().nvidia ? "1" : "0"}}};
    return {buildProgram(device_, ProgramSource::of(call), "the roofline"), "roofline"};
  }
  cl::Buffer buffer(std::size_t bytes) const { return {device_.impl().context(), CL_MEM_READ_WRITE, bytes}; }

  // Seconds of the fastest of several runs.
  double best(const cl::Kernel& kernel, std::size_t global, std::size_t local) {
    double seconds = 1e30;
    for (int i = 0; i < 8; ++i) {
      cl::Event event;
      queue_.enqueueNDRangeKernel(kernel, cl::NullRange, global, local, nullptr, &event);
      event.wait();
      const auto begin = event.getProfilingInfo<CL_PROFILING_COMMAND_START>();
      seconds = std::min(
          seconds, static_cast<double>(event.getProfilingInfo<CL_PROFILING_COMMAND_END>() - begin) * 1e-9);
    }
    return seconds;
  }

  Device device_;
  cl::CommandQueue queue_;
};

double fastest(const Device& device, const std::vector<Variant>& variants) {
  return guarded("measuring the device's ceiling", [&] {
    Bench bench(device);
    double rate = 0;
    for (const Variant& variant : variants) rate = std::max(rate, bench.arithmetic(variant));
    return rate;
  });
}

std::string whyNoHalf(const DeviceCaps& caps) {
  if (caps.nvidia && caps.nvidiaComputeCapability >= 60) return {};
  return !caps.nvidia && caps.fp16 ? std::string() : "the device declares no half arithmetic";
}

std::string whyNoTensorCores(const DeviceCaps& caps) {
  if (!caps.nvidia) return "only NVIDIA's PTX reaches matrix units here";
  return caps.nvidiaComputeCapability >= 80 ? std::string() : "it needs sm_80 or later";
}

}  // namespace

double measureFp32(const Device& device) {
  if (device.caps().isCpu()) return fastest(device, {{Kind::Fp32, 16, 24, 32}, {Kind::Fp32, 8, 12, 16}});
  return fastest(device, {{Kind::Fp32, 4, 4, 8}, {Kind::Fp32, 1, 16, 2}, {Kind::Fp32, 1, 32, 2}});
}

double measureCopy(const Device& device) {
  return guarded("measuring copies", [&] { return Bench(device).copy(); });
}

std::vector<RooflineEntry> measureRoofline(const Device& device,
                                           const std::function<void(const std::string&)>& progress) {
  const DeviceCaps& caps = device.caps();
  std::vector<RooflineEntry> table;
  const auto add = [&](const std::string& name, const std::string& unit, std::string why, auto measure) {
    if (progress) progress(name);
    RooflineEntry& entry = table.emplace_back(RooflineEntry{name, 0, unit, std::move(why)});
    if (!entry.why.empty()) return;
    try {
      entry.value = measure();
    } catch (const Error& e) {
      entry.why = e.what();
    }
  };
  table.push_back({"fp32 fma", measureFp32(device), "GFLOP/s", {}});
  add("half fma", "GFLOP/s", whyNoHalf(caps), [&] {
    return fastest(device, {{Kind::Half, 1, 16, 4}, {Kind::Half, 1, 32, 4}});
  });
  for (const auto& probe : device.dot4Probes())
    add("dot4 " + std::string(toString(probe.body)), "GOP/s", probe.why, [&] { return probe.gops; });
  // A warp of 32 work-items computes 16x8x16 or 16x8x32 products together.
  add("mma f16", "GFLOP/s", whyNoTensorCores(caps), [&] {
    return fastest(device, {{Kind::MmaF16, 1, 8, 4096.0 / 32}, {Kind::MmaF16, 1, 16, 4096.0 / 32}});
  });
  add("mma s8", "GOP/s", whyNoTensorCores(caps), [&] {
    return fastest(device, {{Kind::MmaS8, 1, 8, 8192.0 / 32}, {Kind::MmaS8, 1, 16, 8192.0 / 32}});
  });
  add("copy", "GB/s", {}, [&] { return measureCopy(device); });
  for (const bool finish : {false, true})
    add(finish ? "launch + finish" : "launch", "us", {},
        [&] { return guarded("measuring launches", [&] { return Bench(device).launch(finish); }); });
  return table;
}

}  // namespace tessera
