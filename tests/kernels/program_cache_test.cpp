// A program built from its cached binary computes what the one built from source did.
#include "cl/program_cache.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "cl/builtins.hpp"
#include "cl/program.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

ProgramSource copying() {
  return ProgramSource::of(
      {"roofline/roofline.cl",
       "roofline",
       {{"P_KIND", "4"}, {"P_LANES", "4"}, {"P_VALUES", "1"}, {"P_ROUNDS", "1"}, {"D_PTX", "0"}}});
}

std::vector<float> compute(const Device& device, const cl::Program& program) {
  const cl::CommandQueue queue(device.impl().context(), device.impl().device);
  std::vector<float> x(64), y(64);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) * 0.5f;
  const cl::Buffer from(device.impl().context(), CL_MEM_COPY_HOST_PTR, x.size() * 4, x.data()),
      to(device.impl().context(), CL_MEM_READ_WRITE, y.size() * 4);
  cl::Kernel kernel(program, "roofline");
  kernel.setArg(0, from);
  kernel.setArg(1, to);
  queue.enqueueNDRangeKernel(kernel, cl::NullRange, x.size() / 4);
  queue.enqueueReadBuffer(to, CL_TRUE, 0, y.size() * 4, y.data());
  EXPECT_EQ(x, y);
  return y;
}

TEST(ProgramCache, BinariesServeAndBadOnesAreReplaced) {
  const Device& device = test::devices().front();
  const test::Folder folder;
  ProgramCache cache(folder.path());
  const ProgramSource source = copying();
  bool found = true;
  const auto build = [&] { return buildProgram(device, source, "copy", &cache, &found); };
  const cl::Program program = build();
  EXPECT_FALSE(found);
  const auto first = compute(device, program);
  cache.save(identityOf(device, source), binaryOf(program));
  const auto files = [&] {
    return std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator());
  };
  const int kept = readsLanguageHeader(device.caps()) ? 2 : 1;  // PoCL 3: the code, too
  ASSERT_EQ(files(), kept);
  EXPECT_EQ(compute(device, build()), first);
  EXPECT_TRUE(found);
  EXPECT_EQ(files(), kept);

  // A well-formed file whose binary the driver must refuse.
  const std::string identity = ProgramCache::identity(device.caps(), source.text, source.options + " -w");
  ASSERT_TRUE(fs::exists(cache.fileOf(identity)));
  const auto good = cache.find(identity);
  ASSERT_TRUE(good);
  cache.save(identity, {1, 2, 3, 4});
  EXPECT_EQ(compute(device, build()), first);
  EXPECT_FALSE(found);
  EXPECT_FALSE(cache.find(identity)) << "what the driver refuses is dropped";
}

// What PoCL compiled is found by a program's code, without its text; code that it refuses is made anew.
TEST(ProgramCache, KeepsTheCodeOfPrograms) {
  for (const Device& device : test::devices()) {
    if (!readsLanguageHeader(device.caps())) continue;
    const test::Folder folder;
    ProgramCache cache(folder.path());
    const ProgramSource source = copying();
    const std::string identity = codeIdentityOf(device, source);
    compute(device, buildProgram(device, source, "copy", &cache));
    const auto code = cache.find(identity);
    ASSERT_TRUE(code);
    EXPECT_EQ(*code, codeOf(device, source, "copy"));

    // Other code under that name is what runs: the text was not looked at.
    const ProgramSource other{.options = source.options, .text = "__kernel void other() {}"};
    cache.save(identity, codeOf(device, other, "other"));
    EXPECT_EQ(buildProgram(device, source, "copy", &cache).getInfo<CL_PROGRAM_KERNEL_NAMES>(), "other");
    cache.save(identity, {1, 2, 3, 4});
    compute(device, buildProgram(device, source, "copy", &cache));
    EXPECT_EQ(cache.find(identity), code);
  }
}

}  // namespace
}  // namespace tessera
