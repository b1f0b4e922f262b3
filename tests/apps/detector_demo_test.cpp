// The embedded detector finds what is in the embedded scenes, which its training never saw.
#include <gtest/gtest.h>

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

TEST(EmbeddedDetector, IsSmall) {
  EXPECT_LE(fs::file_size(sourceFolder() / "apps/detector/demo/detector_street.onnx"), 1'500'000u);
}

}  // namespace
}  // namespace tessera::test
