// Tuned networks compared with the untuned one as a whole: a kernel that is right alone and wrong in the
// network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "build/network_check.hpp"
#include "clkernels/embedded.hpp"
#include "graph/evaluate.hpp"
#include "launch/op_runner.hpp"
#include "tessera/context.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/made_up_times.hpp"
#include "tests/support/samples.hpp"
#include "tune/problem.hpp"

namespace tessera {
namespace {
namespace fs = std::filesystem;

// Two convolutions; the second gets numbers beyond what kernels are tried on.
Graph twoConvolutions() {
  Graph graph;
  graph.name = "two";
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 12, 12});
  const auto conv = [&](const char* name, TensorId from, std::int64_t channels, float size) {
    const Shape shape{4, channels, 3, 3};
    const TensorId w =
        graph.addConstant(std::string(name) + ".w", test::portableRandom(shape, 7, -size, size));
    return graph.add("Convolution", name, {from, w});
  };
  graph.markOutput(conv("second", conv("first", x, 3, 8), 4, 1));
  return graph;
}

class NetworkChecks : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tessera-check-XXXXXX";
    folder_ = mkdtemp(name);
    options_.tuning.folder = folder_ / "cache";
    options_.tuning.mode = TuneMode::Cached;
  }
  void TearDown() override {
    unsetenv("TESSERA_KERNEL_DIR");
    fs::remove_all(folder_);
  }
  // conv_naive with inputs above 4 cut off.
  void plantWrongKernel() {
    const std::string path = "conv_naive/conv_naive.cl",
                      right = "ELEMENT(P_X, x, channel + (line + iw) * BLOCK(xBlock))";
    std::string text;
    for (const auto& [name, content] : embeddedFiles())
      if (name == path) text = content;
    const auto at = text.find(right);
    ASSERT_NE(at, std::string::npos) << "the kernel has changed: plant another fault";
    text.replace(at, right.size(), "fmin(" + right + ", 4.0f)");
    fs::create_directories(folder_ / "kernels/conv_naive");
    std::ofstream(folder_ / "kernels" / path) << text;
    setenv("TESSERA_KERNEL_DIR", (folder_ / "kernels").c_str(), 1);
  }
  // Records by which conv_naive is the fastest.
  void tune(const Graph& graph, const Device& device) {
    TuneOptions options = options_.tuning;
    options.mode = TuneMode::Fast;
    Tuner tuner(device, device.caps(), options, std::make_unique<test::MadeUpTimes>("conv_naive"));
    tuner.tune(graph);
  }
  static TensorMap input() { return {{"x", test::portableRandom({1, 3, 12, 12}, 3, -1, 1)}}; }

  fs::path folder_;
  EngineOptions options_;
};

TEST_F(NetworkChecks, AKernelThatIsRightAloneAndWrongInTheNetworkIsNotKept) {
  const Device& device = test::device();
  const Graph graph = twoConvolutions();
  const auto untuned = Engine::build(graph, device, {});
  if (untuned->text().find("conv_naive") != std::string::npos)
    GTEST_SKIP() << "the kernel in which a fault is planted is what this device runs untuned";
  plantWrongKernel();
  tune(graph, device);
  const auto tuned = Engine::build(graph, device, options_);
  ASSERT_THAT(tuned->text(), testing::HasSubstr("conv_naive"));
  const auto expected = evaluate(graph, input()).at(0);
  EXPECT_NE(test::compare(Context(tuned).run(input()).at("second"), expected, {1e-3, 1e-3}), "");

  const KernelFamily& naive = *findFamily("conv_naive");
  const OpView view =
      makeSample("Convolution", {}, {f32({1, 4, 10, 10}), f32({4, 4, 3, 3})}, {}, {false, true}).view;
  const auto operands = madeUpOperands(view);
  OpRunner alone(device, naive, view, naive.fallback(naive.problem(view), device.caps()), operands,
                 {false, true});
  EXPECT_EQ(test::compare(alone.run().at(0), test::referenceOutputs(view, operands).at(0), toleranceOf(view)),
            "")
      << "alone it is right";

  options_.tuning.verify = true;
  const auto checked = Engine::build(graph, device, options_);
  const NetworkCheck& check = checked->tuning().check;
  EXPECT_TRUE(check.done);
  EXPECT_FALSE(check.right);
  EXPECT_THAT(check.wrong, testing::AllOf(testing::HasSubstr("'second'"), testing::HasSubstr("conv_naive")));
  EXPECT_EQ(checked->text(), untuned->text());
  EXPECT_EQ(test::compare(Context(checked).run(input()).at("second"), expected, {1e-3, 1e-3}), "");

  options_.tuning.verify = false;  // later builds know
  EXPECT_EQ(Engine::build(graph, device, options_)->text(), untuned->text());
  RecordStore store(*options_.tuning.folder, device.caps());
  bool marked = false;
  for (const TacticRecord& r : store.tactics()) marked |= r.bad && r.family.rfind("conv_naive/", 0) == 0;
  EXPECT_TRUE(marked) << "the tactic to blame is never taken again";
}

TEST_F(NetworkChecks, ARightNetworkIsKeptAndToldOf) {
  const Device& device = test::device();
  const Graph graph = twoConvolutions();
  tune(graph, device);
  options_.tuning.verify = true;
  const auto engine = Engine::build(graph, device, options_);
  EXPECT_THAT(engine->text(), testing::HasSubstr("conv_naive"));
  const NetworkCheck& check = engine->tuning().check;
  EXPECT_TRUE(check.done && check.right) << check.wrong;
  EXPECT_EQ(check.outputs, 1u);
  EXPECT_EQ(check.values, 2 * 4 * 8 * 8);
  EXPECT_GE(check.kernels, 2u);
  EXPECT_LT(check.difference, 1e-5);
}

// What the check exists for: INT8 networks are compared to the bit, layer by layer where they differ.
TEST_F(NetworkChecks, Int8NetworksAreRightKernelByKernel) {
  const Device& device = test::device();
  Graph graph = twoConvolutions();
  options_.precision = Precision::Int8;
  options_.calibration.emplace();
  for (const char* tensor : {"x", "first", "second"}) options_.calibration->scales[tensor] = 4.0f / 127;
  options_.tuning.verify = true;
  const auto engine = Engine::build(graph, device, options_);
  const NetworkCheck& check = engine->tuning().check;
  EXPECT_TRUE(check.done && check.right) << check.wrong;
  EXPECT_GT(check.kernels, 2u) << "two convolutions and conversions";
  EXPECT_EQ(check.difference, 0);
}

TEST_F(NetworkChecks, AreMadeAtTheEndOfASearch) {
  const Device& device = test::device();
  const Graph graph = twoConvolutions();
  options_.tuning.mode = TuneMode::Fast;
  options_.tuning.seconds = 1;
  const auto engine = Engine::build(graph, device, options_);
  EXPECT_GT(engine->tuning().candidates, 0u);
  const std::string untuned = Engine::build(graph, device, {})->text();
  EXPECT_TRUE(engine->tuning().check.done || engine->text() == untuned);
  EXPECT_TRUE(engine->tuning().check.right);
}

}  // namespace
}  // namespace tessera
