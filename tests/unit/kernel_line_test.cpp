// A kernel survives its way to another process as a line of text.
#include "tune/trial/kernel_line.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tune/records/lines.hpp"

namespace tessera {
namespace {

KernelWork example() {
  KernelWork work;
  work.call.source = "conv_direct/conv_direct.cl";
  work.call.entry = "conv_direct";
  work.call.options = "-cl-opt-disable";
  work.call.prologue = "#define F(x) \\\n\tx % 2, 3\r\n";
  work.call.defines = {{"T_TX", "14"}, {"P_ALPHA", "0x1p-1f"}, {"P_LIST", "a=b,c"}, {"P_NONE", ""}};
  work.call.global = {12, 3, 1};
  work.call.local = {4, 1, 1};
  work.call.args = {KernelArg::input(0),  KernelArg::output(1),     KernelArg::scratch(0),
                    KernelArg::packed(2), KernelArg::counters(),    KernelArg::none(),
                    KernelArg::ofInt(-7), KernelArg::ofFloat(0.1f), KernelArg::local(4096)};
  work.bytes = std::size_t{3} << 32;
  return work;
}

TEST(KernelLine, SurvivesItsWay) {
  const KernelWork work = example();
  const std::string line = lineOf(work);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto read = kernelWorkIn(fieldsOf(line));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->call.source, work.call.source);
  EXPECT_EQ(read->call.entry, work.call.entry);
  EXPECT_EQ(read->call.options, work.call.options);
  EXPECT_EQ(read->call.prologue, work.call.prologue);
  EXPECT_EQ(read->call.defines, work.call.defines);
  EXPECT_EQ(read->call.global, work.call.global);
  EXPECT_EQ(read->call.local, work.call.local);
  EXPECT_EQ(read->call.args, work.call.args);
  EXPECT_EQ(read->bytes, work.bytes);
  KernelWork plain = work;
  plain.call.options = plain.call.prologue = "";
  plain.call.local.clear();
  plain.call.defines.clear();
  plain.call.args.clear();
  EXPECT_EQ(*kernelWorkIn(fieldsOf(lineOf(plain))), plain);
}

TEST(KernelLine, IsRefusedWhereItIsNoKernel) {
  const std::string line = lineOf(example());
  EXPECT_FALSE(kernelWorkIn(fieldsOf(line + "\tmore")));
  EXPECT_FALSE(kernelWorkIn(fieldsOf(line + "x")));
  EXPECT_FALSE(kernelWorkIn(fieldsOf("")));
  const auto broken = [&](std::string from, const std::string& to) {
    std::string text = line;
    text.replace(text.find(from), from.size(), to);
    return kernelWorkIn(fieldsOf(text));
  };
  EXPECT_FALSE(broken("T_TX=14", "T_TX"));
  EXPECT_FALSE(broken("12,3,1", "12,3,1,9"));
  EXPECT_FALSE(broken("12,3,1", ""));
  EXPECT_FALSE(broken("4,1,1", "4,1"));
  EXPECT_FALSE(broken("I-7", "I"));
  EXPECT_FALSE(broken("i0", "i-1"));
  EXPECT_FALSE(broken("i0", "z0"));
}

}  // namespace
}  // namespace tessera
