// What trials keep between batches stays within its limit, and compiling a kernel ahead mixes no operands up.
#include "tune/trial/kept_problems.hpp"

#include <gtest/gtest.h>

#include "tests/support/devices.hpp"
#include "tune/problem.hpp"
#include "tune/trial/kernel_line.hpp"

namespace tessera {
namespace {

constexpr std::size_t kTensor = std::size_t{4} * 32 * 64 * 64;  // bytes of one operand, in every layout below

OpView reformat(int from, int to, std::int64_t height = 64) {
  OpView view;
  view.op = "Reformat";
  const auto tensor = [&](int block) {
    TensorDesc t(DataType::Float32, {1, 32, height, 64});
    t.layout.block = block;
    return t;
  };
  view.inputs = {tensor(from)};
  view.outputs = {tensor(to)};
  return view;
}

TEST(KeptProblems, HoldTheirLimitInManyLayouts) {
  KeptProblems kept(test::device(), 8 * kTensor);
  kept.use(planarView(reformat(1, 4)));
  for (const int from : {1, 4, 8, 16, 32})
    for (const int to : {1, 4, 8, 16, 32}) {
      if (from == to) continue;
      const auto operands = kept.operands(reformat(from, to));
      EXPECT_EQ(operands, kept.operands(reformat(from, to)));
      EXPECT_LE(kept.bytes(), 8 * kTensor) << from << " to " << to;
    }
  EXPECT_GT(kept.bytes(), 6 * kTensor) << "what fits is kept";
}

TEST(KeptProblems, WhatIsUsedLastStays) {
  KeptProblems kept(test::device(), 8 * kTensor);
  auto& first = kept.use(planarView(reformat(1, 4)));
  first.verified.insert("this");
  const auto inUse = kept.operands(reformat(1, 4));
  kept.operands(reformat(1, 8));
  auto& second = kept.use(planarView(reformat(1, 4, 63)));
  EXPECT_TRUE(second.verified.empty());
  kept.operands(reformat(1, 4, 63));
  EXPECT_FALSE(kept.use(planarView(reformat(1, 4))).verified.empty()) << "both fit";
  EXPECT_EQ(kept.operands(reformat(1, 4)), inUse);
  // Operands go before what is known, and what trials hold does not go.
  for (const int to : {8, 16, 32}) kept.operands(reformat(4, to));
  EXPECT_EQ(kept.operands(reformat(1, 4)), inUse);
  // At last problems go, but for the one in use.
  KeptProblems none(test::device(), 1);
  none.use(planarView(reformat(1, 4))).verified.insert("this");
  none.operands(reformat(1, 4));
  none.endBatch();
  EXPECT_FALSE(none.use(planarView(reformat(1, 4))).verified.empty());
  none.use(planarView(reformat(1, 4, 63)));
  none.endBatch();
  EXPECT_TRUE(none.use(planarView(reformat(1, 4))).verified.empty());
}

// Such a kernel crashed where a table shared its memory with an output.
TEST(KernelLine, OperandsOfAKernelThatIsCompiledAheadShareNoMemory) {
  KernelWork work;
  work.call.source = "common/index.cl";
  work.call.entry = "scatter";
  work.call.prologue =
      "__kernel void scatter(volatile __global int *out, volatile __global const int *table,\n"
      "                      volatile __global int *scratch, volatile __global int *counters) {\n"
      "  out[0] = scratch[0] = counters[0] = 0x70000000;\n"
      "  out[table[0]] = 1;\n"
      "  scratch[table[0]] = counters[table[0]] = 1;\n"
      "  out[1] = out[0] == 1 && scratch[0] == 1 && counters[0] == 1;\n"
      "}\n";
  work.call.global = {1};
  work.call.local = {1};
  work.call.args = {KernelArg::output(0), KernelArg::packed(0), KernelArg::scratch(0), KernelArg::counters()};
  work.bytes = 4096;
  EXPECT_NO_THROW(compileKernel(test::device(), work));
}

}  // namespace
}  // namespace tessera
