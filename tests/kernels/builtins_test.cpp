// What runtime/cl/builtins.cpp declares of OpenCL C: it means what the driver's own header does, and suffices
// for every kernel.
#include "cl/builtins.hpp"

#include <gtest/gtest.h>

#include <set>

#include "cl/program.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

constexpr std::size_t kItems = 16, kResults = 48;

// Functions of every kind that is declared, each result in a place of its own.
constexpr const char* kEverything = R"(
#define PASTED(TYPE) convert_##TYPE##4_sat
__kernel void everything(__global const float* x, __global const int* n, __global float* y, __global half* h,
                         __global uint* counter, __local float* shared) {
  const size_t i = get_global_id(0), count = get_global_size(0);
  const float a = x[i], b = x[(i + 1) % count];
  const int k = n[i], m = n[(i + 1) % count];
  shared[get_local_id(0)] = a;
  barrier(CLK_LOCAL_MEM_FENCE);
  __global float* to = y + i * 48;
  to[0] = fma(a, b, 0.25f) + mad(a, b, 0.5f);
  to[1] = exp(a) + log(fabs(b) + 1.0f) + sqrt(fabs(a)) + tanh(b);
  to[2] = floor(a) + ceil(b) + rint(a) + round(b) + trunc(a);
  to[3] = fmax(a, b) - fmin(a, 0.5f) + fmod(a, 0.75f) + pow(fabs(a), b);
  to[4] = min(k, m) + max(k, 3) + clamp(k, -2, 2);
  to[5] = (float)(min((long)k, 5000000000L) - max((long)m, -5000000000L));
  to[6] = (float)(abs(k) + abs((int4)(k, m, k, m)).y);
  to[7] = select(a, b, (uint)(k > m)) + select(k, m, k < m);
  to[8] = (float)(isnan(a) + 2 * isnan(as_float(0x7fc00000)) + 4 * isinf(INFINITY) + 8 * isfinite(b));
  to[9] = (float)(any((int4)(k, m, k, m)) + 2 * all((int2)(k, m)));
  const float4 v = vload4(0, x);
  vstore4(fmax(clamp(v, -0.5f, b), 0.0f) + min(v, a), 0, to + 10);
  vstore4(convert_float4(PASTED(char)(v * 100.0f)) + convert_float4(PASTED(uchar)(v * 100.0f)), 0, to + 14);
  vstore2(convert_float2(as_int2(v.lo) >> 20), 0, to + 18);
  to[20] = (float)convert_uchar_sat(a * 300.0f) + (float)convert_char_sat(b * 300.0f) + (float)convert_int(a);
  vstore_half_rte(a, i, h);
  to[21] = vload_half(i, h);
  float16 wide = vload16(0, x);
  wide = select(wide, wide * 2.0f, wide > 0.0f);
  vstore16(wide, 0, to + 22);
  to[38] = shared[(get_local_id(0) + 1) % get_local_size(0)] + (float)get_group_id(0) + (float)get_num_groups(0);
  to[39] = (float)(INT_MAX - CHAR_MAX) + FLT_MAX * 0.5f;
  vstore16(vload16(1, (__global const char*)x + 3), 0, (__global char*)(to + 40) + 3);
  vstore3(vload3(1, x) * vload3(0, shared), 0, to + 45);
  mem_fence(CLK_GLOBAL_MEM_FENCE);
  atomic_inc(counter);
  atomic_add(counter + 1, (uint)i);
  atomic_max(counter + 2, (uint)k);
}
)";

struct Results {
  std::vector<cl_uint> y, counters;
  bool operator==(const Results&) const = default;
};

Results compute(const Device& device, const cl::Program& program) {
  const cl::Context& context = device.impl().context();
  const cl::CommandQueue queue(context, device.impl().device);
  std::vector<float> x(kItems);
  std::vector<cl_int> n(kItems);
  for (std::size_t i = 0; i < kItems; ++i) {
    x[i] = (static_cast<float>(i) - 7.3f) * 0.37f;
    n[i] = static_cast<cl_int>(i * 7 % 11) - 5;
  }
  Results results{std::vector<cl_uint>(kItems * kResults), std::vector<cl_uint>(3)};
  const cl::Buffer from(context, CL_MEM_COPY_HOST_PTR, kItems * 4, x.data()),
      integers(context, CL_MEM_COPY_HOST_PTR, kItems * 4, n.data()),
      to(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, results.y.size() * 4, results.y.data()),
      halves(context, CL_MEM_READ_WRITE, kItems * 2),
      counters(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, std::size_t{12}, results.counters.data());
  cl::Kernel kernel(program, "everything");
  kernel.setArg(0, from);
  kernel.setArg(1, integers);
  kernel.setArg(2, to);
  kernel.setArg(3, halves);
  kernel.setArg(4, counters);
  kernel.setArg(5, 8 * sizeof(float), nullptr);
  queue.enqueueNDRangeKernel(kernel, cl::NullRange, kItems, 8);
  queue.enqueueReadBuffer(to, CL_TRUE, 0, results.y.size() * 4, results.y.data());
  queue.enqueueReadBuffer(counters, CL_TRUE, 0, 12, results.counters.data());
  return results;
}

bool isDeclared(const Device& device, const ProgramSource& source) {
  return !codeOf(device, source, "declared").empty();
}

TEST(BuiltinDeclarations, MeanWhatTheDriversHeaderDoes) {
  for (const Device& device : test::devices()) {
    if (!readsLanguageHeader(device.caps())) continue;
    const ProgramSource source{.options = "-cl-std=CL1.2", .text = kEverything};
    const cl::Program declared = buildProgram(device, source, "everything");
    EXPECT_TRUE(isDeclared(device, source));
    cl::Program whole(device.impl().context(), source.text);
    whole.build(source.options.c_str());
    EXPECT_EQ(compute(device, declared), compute(device, whole));
  }
}

TEST(BuiltinDeclarations, WhatTheyLackIsCompiledWithTheHeader) {
  for (const Device& device : test::devices()) {
    const ProgramSource source{.options = "-cl-std=CL1.2",
                               .text = "__kernel void f(__global float* x) { x[0] = erf(lgamma(x[1])); }"};
    EXPECT_FALSE(readsLanguageHeader(device.caps()) && isDeclared(device, source));
    EXPECT_TRUE(buildProgram(device, source, "erf")());
    const ProgramSource broken{.options = "-cl-std=CL1.2", .text = "__kernel void f() { nothing(); }"};
    EXPECT_THROW(buildProgram(device, broken, "broken"), Error);
  }
}

// One program of every kernel source.
TEST(BuiltinDeclarations, SufficeForEveryKernel) {
  for (const Device& device : test::devices()) {
    if (!readsLanguageHeader(device.caps())) continue;
    const DeviceCaps caps = device.int8Caps();
    std::set<std::string> seen;
    for (const KernelFamily* family : allFamilies())
      for (const auto& [sample, view, tactic] : test::runsOf(*family, test::instancesFor(*family), caps))
        for (const KernelCall& call : family->plan(family->problem(view), tactic, caps).calls) {
          if (!call.library.empty() || !seen.insert(call.source).second) continue;
          ProgramSource source = ProgramSource::of(call);
          source.options += " -cl-opt-disable";
          EXPECT_TRUE(isDeclared(device, source)) << call.source;
        }
    EXPECT_GT(seen.size(), 40u);
  }
}

}  // namespace
}  // namespace tessera
