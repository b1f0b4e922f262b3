// Plans as a user meets them: built once, then taken by every program in the model's place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>

#include "apps/common/files.hpp"
#include "tests/apps/program.hpp"

namespace tessera {
namespace {

using app::readJson;
using test::Folder;
using test::ProgramResult;
using test::runProgram;
using testing::HasSubstr;

class Plans : public testing::Test {
 protected:
  void SetUp() override {
    cv::theRNG().state = 5;
    std::filesystem::create_directories(folder / "images");
    for (int i = 0; i < 3; ++i) {
      cv::Mat image(24, 32, CV_8UC3);
      cv::randu(image, 0, 256);
      cv::imwrite(at("images/" + std::to_string(i) + ".png"), image);
    }
  }
  std::string at(const std::string& name) const { return (folder / name).string(); }
  ProgramResult build(std::vector<std::string> more) const {
    more.insert(more.begin(), {"build", model, "--out", at("net.plan")});
    return runProgram("tessera", more);
  }
  ProgramResult segment(const std::string& network, const std::string& out) const {
    return runProgram("segmenter", {"--model", network, "--images", at("images"), "--out", at(out), "--json",
                                    at(out + ".json")});
  }

  Folder folder;
  std::string model = test::writeColorNetwork(folder.path());
};

TEST_F(Plans, SegmenterTakesOneInTheModelsPlace) {
  for (const std::string precision : {"fp32", "fp16"}) {
    const auto built = build({"--precision", precision, "--json", at("build.json")});
    ASSERT_EQ(built.code, 0) << built.err;
    EXPECT_EQ(readJson(folder / "build.json")["precision"], precision);
    const auto byPlan = segment(at("net.plan"), "plan");
    ASSERT_EQ(byPlan.code, 0) << byPlan.err;
    EXPECT_EQ(readJson(folder / "plan.json")["precision"], precision);
    const auto byModel = segment(model, "model");
    ASSERT_EQ(byModel.code, 0) << byModel.err;
    EXPECT_EQ(readJson(folder / "plan.json")["labels"], readJson(folder / "model.json")["labels"]);
    for (int i = 0; i < 3; ++i) {
      const std::string map = std::to_string(i) + "_classes.png";
      EXPECT_EQ(app::readFile(folder / "plan" / map), app::readFile(folder / "model" / map))
          << precision << " " << map;
    }
  }
}

TEST_F(Plans, KeepCalibrationAndLabelsInside) {
  const auto built =
      build({"--precision", "int8", "--calibration-images", at("images"), "--calibration-method", "minmax"});
  ASSERT_EQ(built.code, 0) << built.err;
  const Folder elsewhere;  // the plan alone is enough
  std::filesystem::copy_file(at("net.plan"), elsewhere / "moved.plan");
  const auto inspected =
      runProgram("tessera", {"inspect", (elsewhere / "moved.plan").string(), "--json", at("inspect.json")});
  ASSERT_EQ(inspected.code, 0) << inspected.err;
  int coded = 0;
  const auto json = readJson(folder / "inspect.json");
  for (const auto& layer : json["precisions"]) coded += layer["precision"] == "int8";
  EXPECT_GT(coded, 0);
  EXPECT_THAT(inspected.out, HasSubstr("by the plan"));
  EXPECT_EQ(segment((elsewhere / "moved.plan").string(), "plan").code, 0);
}

TEST_F(Plans, AreRunAndMeasured) {
  ASSERT_EQ(build({}).code, 0);
  EXPECT_EQ(runProgram("tessera", {"run", at("net.plan"), "--random", "--out", at("run")}).code, 0);
  const auto bench = runProgram("tessera", {"bench", at("net.plan"), "--runs", "2", "--json", at("b.json")});
  ASSERT_EQ(bench.code, 0) << bench.err;
  EXPECT_GT(readJson(folder / "b.json")["tactics"]["by_plan"].get<int>(), 0);
  EXPECT_EQ(build({"--append"}).code, 0) << "this device's section is replaced";
}

TEST_F(Plans, RefuseWhatIsDecidedAlready) {
  ASSERT_EQ(build({}).code, 0);
  const auto refused = [&](std::vector<std::string> arguments, const char* message) {
    const auto result = runProgram("tessera", arguments);
    EXPECT_EQ(result.code, 2) << message;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_THAT(result.err, HasSubstr("net.plan"));
  };
  refused({"bench", at("net.plan"), "--batch", "2"}, "--batch");
  refused({"bench", at("net.plan"), "--shape", "1x3x8x8"}, "--shape");
  refused({"run", at("net.plan"), "--random", "--precision", "fp16"}, "--precision");
  refused({"inspect", at("net.plan"), "--keep-fp32", "score"}, "--keep-fp32");
  refused({"inspect", at("net.plan"), "--keep-first-last"}, "--keep-first-last");
  refused({"bench", at("net.plan"), "--precision-choice", "measured"}, "--precision-choice");
  refused({"bench", at("net.plan"), "--batch", "1", "--freeze", "image=0"}, "--batch, --freeze");
  refused({"inspect", at("net.plan"), "--raw"}, "wants a model");
  refused({"calibrate", at("net.plan"), "--calibration-images", at("images"), "--calibration-cache", at("c")},
          "wants a model");
  EXPECT_EQ(build({"--precision", "fp16", "--append"}).code, 1) << "another network";
  const auto segmented = runProgram("segmenter", {"--model", at("net.plan"), "--images", at("images"),
                                                  "--out", at("s"), "--max-batch", "2"});
  EXPECT_EQ(segmented.code, 2);
  EXPECT_THAT(segmented.err, HasSubstr("--max-batch"));
  const auto tuned = runProgram("tessera-tune", {at("net.plan"), "--tune", "fast", "--precision", "fp16"});
  EXPECT_EQ(tuned.code, 2);
  EXPECT_THAT(tuned.err, HasSubstr("--precision"));
}

TEST_F(Plans, CheckThemselves) {
  ASSERT_EQ(build({}).code, 0);
  const auto checked =
      runProgram("tessera", {"run", at("net.plan"), "--random", "--self-check", "--out", at("r")});
  EXPECT_EQ(checked.code, 0) << checked.err;
  EXPECT_THAT(checked.err, HasSubstr("self-check passed"));
  const auto byModel = runProgram("tessera", {"run", model, "--random", "--self-check", "--out", at("r")});
  EXPECT_EQ(byModel.code, 2);
  EXPECT_THAT(byModel.err, HasSubstr("goes with a plan"));
}

TEST_F(Plans, AreLookedInto) {
  ASSERT_EQ(build({}).code, 0);
  const auto checked = runProgram("tessera", {"plan", "check", at("net.plan"), "--json", at("check.json")});
  ASSERT_EQ(checked.code, 0) << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("used: "));
  const auto json = readJson(folder / "check.json");
  EXPECT_TRUE(json["used"].get<bool>());
  EXPECT_EQ(json["precision"], "fp32");
  EXPECT_EQ(json["sections"][0]["packings_used"], json["sections"][0]["packings"]);
  EXPECT_TRUE(json["description"].get<bool>());
  test::writeText(folder / "no.plan", "no plan");
  const auto refused = runProgram("tessera", {"plan", "check", at("no.plan")});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("no.plan"));
  EXPECT_EQ(runProgram("tessera", {"plan"}).code, 2);
}

TEST_F(Plans, LeaveOutWhatIsNotWanted) {
  ASSERT_EQ(build({}).code, 0);
  const auto whole = std::filesystem::file_size(at("net.plan"));
  ASSERT_EQ(build({"--no-programs", "--no-packed-weights"}).code, 0);
  EXPECT_LT(std::filesystem::file_size(at("net.plan")), whole);
  EXPECT_EQ(segment(at("net.plan"), "lean").code, 0);
}

TEST_F(Plans, AreTuned) {
  ASSERT_EQ(build({}).code, 0);
  const auto tuned = runProgram(
      "tessera-tune", {at("net.plan"), "--tune", "fast", "--budget", "5", "--json", at("tune.json")});
  ASSERT_EQ(tuned.code, 0) << tuned.err;
  EXPECT_GT(readJson(folder / "tune.json")["tuned"][0]["candidates"].get<int>(), 0);
}

}  // namespace
}  // namespace tessera
