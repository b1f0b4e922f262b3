// Sources as tokens, and kernels as functions of a chain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "clkernels/embedded.hpp"
#include "clkernels/text/chain_function.hpp"
#include "clkernels/text/preprocess.hpp"
#include "tests/support/invented_device.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

using MacroList = std::vector<std::pair<std::string, std::string>>;

std::string preprocessed(const std::string& source, const MacroList& defines = {}) {
  std::string text = textOf(preprocess(source, defines));
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

TEST(Preprocess, ExpandsMacros) {
  EXPECT_EQ(preprocessed("#define N 4\nint a[N];"), "int a [ 4 ] ;");
  EXPECT_EQ(preprocessed("#define SQUARE(x) ((x) * (x))\nSQUARE(a + 1)"), "( ( a + 1 ) * ( a + 1 ) )");
  EXPECT_EQ(
      preprocessed("#define CAT_(a, b) a##b\n#define CAT(a, b) CAT_(a, b)\nCAT(float, W) CAT_(float, W)",
                   {{"W", "4"}}),
      "float4 floatW");
  EXPECT_EQ(preprocessed("#define TEXT(x) #x\nTEXT(a b)"), "\"a b\"");
  EXPECT_EQ(preprocessed("#define F(a, ...) g(a, __VA_ARGS__)\nF(1, 2, 3)"), "g ( 1 , 2 , 3 )");
  EXPECT_EQ(preprocessed("#define f(x) x + f(x)\nf(f(1))"), "1 + f ( 1 ) + f ( 1 + f ( 1 ) )");
  EXPECT_EQ(preprocessed("#define EMPTY\n#define F() 7\nF() EMPTY F"), "7 F");
  EXPECT_EQ(preprocessed("#define LEFT(a) a##x\nLEFT()"), "x");
  EXPECT_EQ(preprocessed("#define A B\n#undef A\nA"), "A");
}

TEST(Preprocess, TakesArgumentsOverLines) {
  EXPECT_EQ(preprocessed("#define ADD(a, b) a + b\nADD(1,\n    2)"), "1 + 2");
}

TEST(Preprocess, CarriesOutConditions) {
  const std::string source =
      "#if defined(A) && A > 2 || !defined B\nfirst\n#elif A == 1\nsecond\n#else\nthird\n#endif";
  EXPECT_EQ(preprocessed(source, {{"A", "3"}, {"B", "1"}}), "first");
  EXPECT_EQ(preprocessed(source, {{"A", "1"}, {"B", "1"}}), "second");
  EXPECT_EQ(preprocessed(source, {{"A", "2"}, {"B", "1"}}), "third");
  EXPECT_EQ(preprocessed(source, {{"A", "2"}}), "first");
  EXPECT_EQ(preprocessed("#ifdef X\n#if 1\na\n#endif\n#else\nb\n#endif\n#ifndef X\nc\n#endif"), "b c");
  EXPECT_EQ(preprocessed("#if (1 << 3) % 3 == 2 && (0x10 | 1) == 17 && (1 ? 2 : 3) - 2 == 0\nyes\n#endif"),
            "yes");
}

TEST(Preprocess, LeavesCommentsOutAndPragmasIn) {
  EXPECT_EQ(preprocessed("#define END \"/* \\\" \"\nf(\"//@ a\" END); // b"),
            "f ( \"//@ a\" \"/* \\\" \" ) ;");
  EXPECT_EQ(preprocessed("a // b\n/* c\n d */ e"), "a e");
  EXPECT_EQ(textOf(preprocess("{\n#pragma unroll\nfor", {})), "{\n#pragma unroll\nfor ");
}

TEST(Preprocess, SaysWhatItDoesNotTake) {
  const auto why = [](const std::string& source) {
    return test::refusal([&] { preprocess(source, {}); }, ErrorCode::Internal);
  };
  EXPECT_THAT(why("#error \"no T_K\""), testing::HasSubstr("no T_K"));
  EXPECT_THAT(why("#if 1\n"), testing::HasSubstr("#if does not end"));
  EXPECT_THAT(why("#define F(a) a\nF(1, 2)"), testing::HasSubstr("F takes 1 arguments"));
  EXPECT_THAT(why("#if 1 +\n#endif"), testing::HasSubstr("no condition"));
}

// Whether a kernel has a define, or a value of one, that no kernel of its source before had. Numbers above 1
// are extents, which conditions hardly ask about, and count as one value.
bool isNew(const KernelCall& call, std::set<std::string>& seen) {
  const std::string kernel = call.source + ":" + call.entry;
  bool isNew = seen.insert(kernel).second;
  for (const auto& [name, value] : call.defines) {
    const bool extent = value.find_first_not_of("0123456789") == std::string::npos && value > "1";
    isNew |= seen.insert(kernel + " " + name + "=" + (extent ? "n" : value)).second;
  }
  return isNew;
}

// Every kernel of every family on a GPU and on a CPU is a function of a chain, or is refused with a reason.
TEST(ChainFunction, IsMadeOfEveryKernel) {
  std::set<std::string> refused, seen;
  int made = 0;
  for (const DeviceCaps& caps : {test::inventedGpu(), test::inventedCpu()})
    for (const KernelFamily* family : allFamilies())
      for (const OpInstance& instance : test::instancesFor(*family))
        for (const BlockChoice& blocks : family->blockChoices(instance.view, caps)) {
          const OpView view = withBlocks(instance.view, blocks);
          if (!family->applies(view, caps)) continue;
          const Problem problem = family->problem(view);
          for (const KernelCall& call : family->plan(problem, family->fallback(problem, caps), caps).calls) {
            if (!isNew(call, seen)) continue;
            try {
              const ChainFunction f = chainFunction(call, "f", "wait");
              EXPECT_THAT(f.text, testing::HasSubstr(f.byItems ? "CHAIN_ITEM void f" : "CHAIN_STEP void f"));
              EXPECT_THAT(f.text, testing::Not(testing::HasSubstr("__kernel")));
              EXPECT_THAT(f.text, testing::Not(testing::ContainsRegex("get_[a-z]*_(id|size|groups)")));
              EXPECT_TRUE(!f.byItems || (!f.barriers && !f.local)) << call.source;
              ++made;
            } catch (const Error& e) {
              ASSERT_EQ(e.code(), ErrorCode::Unsupported) << call.source << ": " << e.what();
              refused.insert(e.what());
            }
          }
        }
  EXPECT_GT(made, 500);
  EXPECT_LT(refused.size(), 5u) << testing::PrintToString(refused);
}

TEST(ChainFunction, RefusesRoutinesOfLibraries) {
  KernelCall call;
  call.library = "CLBlast", call.entry = "sgemm";
  EXPECT_THAT(test::refusal([&] { chainFunction(call, "f", ""); }, ErrorCode::Unsupported),
              testing::HasSubstr("sgemm of library CLBlast"));
}

}  // namespace
}  // namespace tessera
