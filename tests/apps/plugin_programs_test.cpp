// Plugins as users give them: to every program that takes a model, and inside plans.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "tests/apps/program.hpp"
#include "tests/import/onnx_model.hpp"

namespace tessera {
namespace {

using test::runProgram;
using testing::HasSubstr;

class PluginPrograms : public testing::Test {
 protected:
  PluginPrograms() {
    test::OnnxModel model;
    model.input("x", {1, 8, 6, 6}).output("y");
    auto& node = model.node("PixelNorm", {"x"}, {"y"}, "norm");
    node.set_domain("com.example");
    test::OnnxModel::attribute(node, "epsilon", tessera_onnx::Attribute::FLOAT).set_f(0.5f);
    test::writeText(folder_ / "net.onnx", model.bytes());
  }
  std::string at(const std::string& name) const { return (folder_ / name).string(); }

  test::Folder folder_;
  std::string plugin_ = (test::sourceFolder() / "docs/plugins/pixel_norm/pixel_norm.json").string();
};

TEST_F(PluginPrograms, ModelsSayThatOneIsMissing) {
  const auto result = runProgram("tessera", {"inspect", at("net.onnx")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("PixelNorm 'norm'"));
  EXPECT_THAT(result.err, HasSubstr("no plugin that was given serves this one"));
}

TEST_F(PluginPrograms, InspectAndRunTakeThem) {
  const auto seen = runProgram("tessera", {"inspect", at("net.onnx"), "--plugins", plugin_});
  EXPECT_EQ(seen.code, 0) << seen.err;
  EXPECT_THAT(seen.out, HasSubstr("PixelNorm"));
  // A folder of them, too.
  const auto run =
      runProgram("tessera", {"run", at("net.onnx"), "--random", "--out", at("model"), "--plugins",
                             std::filesystem::path(plugin_).parent_path().string()});
  EXPECT_EQ(run.code, 0) << run.err;
}

TEST_F(PluginPrograms, PlansBringTheirOwn) {
  const auto built =
      runProgram("tessera", {"build", at("net.onnx"), "--plugins", plugin_, "--out", at("net.plan")});
  ASSERT_EQ(built.code, 0) << built.err;
  const auto checked = runProgram("tessera", {"plan", "check", at("net.plan")});
  EXPECT_EQ(checked.code, 0) << checked.err;
  const auto run =
      runProgram("tessera", {"run", at("net.plan"), "--random", "--out", at("plan"), "--self-check"});
  EXPECT_EQ(run.code, 0) << run.err;
  const auto model =
      runProgram("tessera", {"run", at("net.onnx"), "--plugins", plugin_, "--random", "--out", at("model")});
  ASSERT_EQ(model.code, 0) << model.err;
  EXPECT_EQ(app::readFile(folder_ / "plan/y.npy"), app::readFile(folder_ / "model/y.npy"));
}

// By workers, which are processes of their own.
TEST_F(PluginPrograms, AreTuned) {
  const auto built =
      runProgram("tessera", {"build", at("net.onnx"), "--plugins", plugin_, "--out", at("net.plan"), "--tune",
                             "fast", "--tune-budget", "2", "--log-level", "debug"});
  ASSERT_EQ(built.code, 0) << built.err;
  for (const char* tactic : {"PIXELS=1", "PIXELS=2", "PIXELS=4"})
    EXPECT_THAT(built.err,
                testing::ContainsRegex(std::string("tuning: PixelNorm-.* ") + tactic + " on PixelNorm"));
  EXPECT_THAT(built.err, testing::Not(HasSubstr("PIXELS=8 on PixelNorm")));  // does not divide 36 pixels
  EXPECT_THAT(built.err, testing::Not(HasSubstr("is rejected")));
  EXPECT_THAT(built.err, testing::Not(HasSubstr("tuning in this process")));
}

// In every precision, from a model and from a plan, with and without images: the plugin's layer stays in f32.
TEST_F(PluginPrograms, TakePluginsInEveryPrecision) {
  test::OnnxModel model;
  model.input("x", {1, 3, 16, 16}).output("y");
  model.floats("w", {8, 3, 1, 1}, std::vector<float>(24, 0.02f));
  model.node("Conv", {"x", "w"}, {"c"}, "before");
  auto& norm = model.node("PixelNorm", {"c"}, {"n"}, "norm");
  norm.set_domain("com.example");
  test::OnnxModel::attribute(norm, "epsilon", tessera_onnx::Attribute::FLOAT).set_f(0.5f);
  model.floats("v", {3, 8, 1, 1},
               {1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 1, 1, -1, 1, -1, 1, -1, 1, -1});
  model.node("Conv", {"n", "v"}, {"y"}, "behind");
  test::writeText(folder_ / "conv.onnx", model.bytes());
  test::writeText(folder_ / "conv.json", R"({"input": {"scale": 0.004}})");
  cv::Mat picture(16, 16, CV_8UC3);
  cv::randu(picture, 0, 256);
  cv::imwrite(at("a.png"), picture);
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--plugins", plugin_});
    return runProgram("tessera", arguments);
  };
  ASSERT_EQ(run({"run", at("conv.onnx"), "--random", "--out", at("fp32")}).code, 0);
  const auto calibrated = run({"calibrate", at("conv.onnx"), "--calibration-images", at("a.png"),
                               "--calibration-cache", at("c.txt"), "--calibration-method", "minmax"});
  ASSERT_EQ(calibrated.code, 0) << calibrated.err;
  for (const std::string precision : {"fp16", "int8"}) {
    SCOPED_TRACE(precision);
    std::vector<std::string> how{"--precision", precision};
    if (precision == "int8") how.insert(how.end(), {"--calibration-cache", at("c.txt")});
    const auto with = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.end(), how.begin(), how.end());
      return run(arguments);
    };
    const auto seen = with({"inspect", at("conv.onnx")});
    EXPECT_THAT(seen.out, testing::ContainsRegex("before +Convolution +" + precision));
    EXPECT_THAT(seen.out, testing::ContainsRegex("norm +PixelNorm +fp32")) << seen.out << seen.err;
    const auto ran = with({"run", at("conv.onnx"), "--random", "--out", at(precision), "--compare",
                           at("fp32/y.npy"), "--atol", "1", "--rtol", "0.1"});
    EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
    ASSERT_EQ(with({"build", at("conv.onnx"), "--out", at("net.plan")}).code, 0);
    const auto loaded =
        runProgram("tessera", {"run", at("net.plan"), "--random", "--out", at("plan"), "--self-check"});
    EXPECT_EQ(loaded.code, 0) << loaded.err;
    EXPECT_EQ(app::readFile(folder_ / "plan/y.npy"), app::readFile(at(precision) + "/y.npy"));
    const auto pictured = runProgram("segmenter", {"--model", at("net.plan"), "--images", at("a.png"),
                                                   "--preprocess", at("conv.json"), "--out", at("out")});
    EXPECT_EQ(pictured.code, 0) << pictured.err;
  }
}

TEST_F(PluginPrograms, FilesThatAreNoneEndThem) {
  test::writeText(folder_ / "bad.json", "{\"tessera_plugin\": 1}");
  const auto bad = runProgram("tessera", {"inspect", at("net.onnx"), "--plugins", at("bad.json")});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.err,
              HasSubstr("The plugin of " + at("bad.json") + " can not be used: the manifest has no 'name'."));
  const auto missing = runProgram("tessera", {"inspect", at("net.onnx"), "--plugins", at("none.json")});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr(at("none.json")));
}

}  // namespace
}  // namespace tessera
