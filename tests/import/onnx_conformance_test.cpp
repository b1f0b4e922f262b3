// The ONNX project's test data through the importer and the host references: what the graph means, device or
// not.
#include <gtest/gtest.h>

#include "graph/evaluate.hpp"
#include "tests/support/onnx_conformance.hpp"

namespace tessera {
namespace {

using test::Verdict;

int countPasses(const std::vector<test::ConformanceOutcome>& outcomes) {
  int passes = 0;
  for (const auto& outcome : outcomes) {
    EXPECT_TRUE(outcome.verdict != Verdict::Wrong) << outcome.name << ": " << outcome.reason;
    passes += outcome.verdict == Verdict::Pass;
    if (std::getenv("TESSERA_TEST_VERBOSE") && outcome.verdict == Verdict::Unsupported)
      std::printf("%s: %s\n", outcome.name.c_str(), outcome.reason.c_str());
  }
  return passes;
}

class OnnxConformance : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(OnnxConformance, ReferencesAgreeWithTheData) {
  const auto [kind, least] = GetParam();
  const auto cases = test::conformanceCases(kind);
  if (cases.empty())
    GTEST_SKIP() << "no ONNX test data under " << test::onnxTestData() << " (package libonnx-testdata)";
  const auto outcomes = test::runConformance(cases, evaluate);
  const int passes = countPasses(outcomes);
  RecordProperty("passed", passes);
  std::printf("%s: %d of %zu cases pass\n", kind, passes, cases.size());
  EXPECT_GE(passes, least);
}

INSTANTIATE_TEST_SUITE_P(Data, OnnxConformance,
                         testing::Values(std::pair{"node", 852}, std::pair{"pytorch-operator", 35},
                                         std::pair{"pytorch-converted", 82}, std::pair{"simple", 7}),
                         [](const auto& param) {
                           std::string name = param.param.first;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace tessera
