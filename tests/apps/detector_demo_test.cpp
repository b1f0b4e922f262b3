// The embedded detector finds what is in the embedded scenes, which its training never saw.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/apps/program.hpp"

namespace tessera::test {
namespace {

double meanPrecision(const std::vector<std::string>& more) {
  const fs::path demo = sourceFolder() / "apps/detector/demo";
  const Folder folder;
  std::vector<std::string> arguments{
      "--model",       (demo / "detector_street.onnx").string(),    "--images", (demo / "images").string(),
      "--annotations", (demo / "images/annotations.json").string(), "--json",   (folder / "r.json").string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const ProgramResult result = runProgram("detector", arguments);
  EXPECT_EQ(result.code, 0) << result.err;
  if (result.code != 0) return 0;
  const auto json = app::readJson(folder / "r.json");
  EXPECT_EQ(json["annotated_images"], 6);
  EXPECT_EQ(json["average_precision"].size(), 3u) << json["average_precision"];
  return json["map50"].get<double>();
}

TEST(EmbeddedDetector, FindsCarsPeopleAndSigns) { EXPECT_GE(meanPrecision({}), 0.7); }

TEST(EmbeddedDetector, FindsThemInInt8) {
  EXPECT_GE(meanPrecision({"--precision", "int8", "--calibration-images",
                           (sourceFolder() / "apps/segmenter/demo/calibration").string(),
                           "--calibration-limit", "10"}),
            0.7);
}

// docs/tutorials/deploy_int8.cpp: a cache is made where the images are, and serves where there are none.
TEST(EmbeddedDetector, TutorialBuildsInt8FromACacheAlone) {
  const fs::path demo = sourceFolder() / "apps/detector/demo";
  const std::string model = (demo / "detector_street.onnx").string();
  const Folder folder;
  const std::string cache = (folder / "net.calibration").string();
  const auto made = runProgram(
      "tessera", {"calibrate", model, "--calibration-images",
                  (sourceFolder() / "apps/segmenter/demo/calibration").string(), "--calibration-limit", "4",
                  "--calibration-method", "minmax", "--calibration-cache", cache});
  ASSERT_EQ(made.code, 0) << made.err;
  const std::string picture = (demo / "images/street_60024.jpg").string();
  const auto built = runProgram("tutorial_deploy_int8", {model, cache, picture});
  ASSERT_EQ(built.code, 0) << built.err;
  EXPECT_THAT(built.out, testing::HasSubstr("100.0 % of the multiply-adds in INT8"));
  const auto boxes = std::count(built.out.begin(), built.out.end(), '\n') - 1;
  EXPECT_GE(boxes, 6);
  // As many as the program finds with the same cache.
  const auto detected =
      runProgram("detector", {"--model", model, "--images", picture, "--precision", "int8",
                              "--calibration-cache", cache, "--json", (folder / "r.json").string()});
  ASSERT_EQ(detected.code, 0) << detected.err;
  EXPECT_EQ(boxes, std::ssize(app::readJson(folder / "r.json")["results"][0]["objects"]));
  EXPECT_EQ(runProgram("tutorial_deploy_int8", {model, (folder / "none").string(), picture}).code, 1);
  // And as many in the network that the cache makes, written as ONNX.
  const std::string exported = (folder / "net.onnx").string();
  const auto written =
      runProgram("tessera", {"calibrate", model, "--calibration-cache", cache, "--export-qdq", exported});
  ASSERT_EQ(written.code, 0) << written.err;
  const auto again = runProgram(
      "detector", {"--model", exported, "--preprocess", (demo / "detector_street.json").string(), "--images",
                   picture, "--precision", "int8", "--json", (folder / "e.json").string()});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(boxes, std::ssize(app::readJson(folder / "e.json")["results"][0]["objects"]));
  const auto none = runProgram("tessera", {"calibrate", model, "--calibration-cache",
                                           (folder / "none").string(), "--export-qdq", exported});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, testing::HasSubstr("none"));
}

TEST(EmbeddedDetector, IsSmall) {
  EXPECT_LE(fs::file_size(sourceFolder() / "apps/detector/demo/detector_street.onnx"), 1'500'000u);
}

}  // namespace
}  // namespace tessera::test
