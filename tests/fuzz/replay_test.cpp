// Every fuzz target on its seeds and on a fixed series of their mutations. Where one ends the process, the
// input lies in fuzz-TARGET.input in the working folder.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/fuzz/target.hpp"

namespace tessera::test {
namespace {

constexpr int kMutations = 400;  // of each target

class Fuzz : public testing::TestWithParam<FuzzTarget> {
 protected:
  void TearDown() override {
    if (!HasFailure()) std::filesystem::remove(file_);
  }
  // Reads the input; false, after reporting, where it is a fault.
  bool read(const std::string& bytes, const std::string& what) {
    std::ofstream(file_, std::ios::binary) << bytes;
    try {
      readInput(GetParam(), bytes);
      return true;
    } catch (const std::exception& e) {
      ADD_FAILURE() << what << " of " << GetParam().name << ": " << e.what() << "\nThe input: " << file_;
      return false;
    }
  }
  const std::filesystem::path file_ =
      std::filesystem::absolute("fuzz-" + std::string(GetParam().name) + ".input");
};

TEST_P(Fuzz, SeedsAreRead) {
  for (const auto& seed : GetParam().seeds()) EXPECT_NO_THROW(GetParam().read(seed));
}

TEST_P(Fuzz, MutatedInputsAreReadOrRefused) {
  const FuzzTarget& target = GetParam();
  const auto seeds = target.seeds();
  ASSERT_FALSE(seeds.empty());
  for (int i = 0; i < kMutations; ++i) {
    Random random(static_cast<std::uint64_t>(i));
    const std::string& seed = seeds[random.below(seeds.size())];
    const std::string bytes = target.mutate && i % 4
                                  ? target.mutate(seed, random)
                                  : mutateBytes(seed, seeds[random.below(seeds.size())], random);
    if (!read(bytes, "mutation " + std::to_string(i))) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Fuzz, testing::ValuesIn(allFuzzTargets()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tessera::test
