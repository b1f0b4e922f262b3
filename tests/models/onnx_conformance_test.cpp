// The ONNX project's node tests through importer, passes, lowering, engine and context on a device. The run
// writes docs/onnx_support.md where $TESSERA_ONNX_SUPPORT names a file.
#include <gtest/gtest.h>

#include <fstream>

#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/onnx_conformance.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

constexpr int kLeastPasses = 330;
constexpr const char* kIntroduction =
    "What the node tests of the ONNX project (Debian package libonnx-testdata) say about the importer and "
    "the\n"
    "kernels: each case goes through import, passes, lowering and an engine, and its outputs are compared "
    "with the\n"
    "data. Written by `TESSERA_ONNX_SUPPORT=docs/onnx_support.md build/release/bin/test_models\n"
    "--gtest_filter='OnnxConformance*'`.";

std::vector<HostTensor> runOnDevice(const Graph& graph, const std::map<std::string, HostTensor>& values) {
  Context context(Engine::build(graph, test::device()));
  const TensorMap results = context.run(values);
  std::vector<HostTensor> outputs;
  for (TensorId id : graph.outputs()) outputs.push_back(results.at(graph.tensor(id).name));
  return outputs;
}

TEST(OnnxConformanceOnDevice, NodeTestsPassOrAreNotSupported) {
  const auto cases = test::conformanceCases("node");
  if (cases.empty())
    GTEST_SKIP() << "no ONNX test data under " << test::onnxTestData() << " (package libonnx-testdata)";
  const auto outcomes = test::runConformance(cases, runOnDevice);
  int passes = 0, computed = 0;
  for (const auto& outcome : outcomes) {
    EXPECT_TRUE(outcome.verdict != test::Verdict::Wrong) << outcome.name << ": " << outcome.reason;
    if (std::getenv("TESSERA_TEST_VERBOSE") && outcome.verdict == test::Verdict::Unsupported)
      std::printf("%s: %s\n", outcome.name.c_str(), outcome.reason.c_str());
    if (outcome.verdict != test::Verdict::Pass) continue;
    ++passes;
    computed += outcome.computed;
  }
  std::printf("%d of %zu cases pass, %d of them with layers left to run on %s\n", passes, cases.size(),
              computed, test::device().caps().name.c_str());
  EXPECT_GE(passes, kLeastPasses);
  EXPECT_GE(computed, kLeastPasses);
  const std::string table = test::supportTable(outcomes, kIntroduction);
  if (const char* file = std::getenv("TESSERA_ONNX_SUPPORT")) {
    std::ofstream(file) << table;
    return;
  }
  std::ifstream documented(test::sourceFolder() / "docs/onnx_support.md");
  const std::string text{std::istreambuf_iterator<char>(documented), {}};
  EXPECT_TRUE(text == table)
      << "docs/onnx_support.md does not say what this run found; it tells how to write it anew";
}

}  // namespace
}  // namespace tessera
