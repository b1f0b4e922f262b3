// The segmenter as a user runs it: results, files, exit codes, messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include "apps/common/images.hpp"
#include "tests/apps/program.hpp"

namespace tessera {

namespace fs = std::filesystem;
namespace {

using app::readImage;
using app::readImageUnchanged;
using app::readJson;
using app::writeImage;
using test::Folder;
using test::ProgramResult;
using test::runProgram;
using testing::HasSubstr;

// Stripes of pure blue, green and red, so many columns each.
cv::Mat stripes(int height, int blue, int green, int red) {
  cv::Mat image(height, blue + green + red, CV_8UC3);
  image.colRange(0, blue).setTo(cv::Scalar(250, 10, 10));
  image.colRange(blue, blue + green).setTo(cv::Scalar(10, 250, 10));
  image.colRange(blue + green, blue + green + red).setTo(cv::Scalar(10, 10, 250));
  return image;
}

// Class ids 0, 1, 2 in the same stripes.
cv::Mat ids(int height, int blue, int green, int red) {
  cv::Mat map(height, blue + green + red, CV_8UC1, cv::Scalar(0));
  map.colRange(blue, blue + green).setTo(1);
  map.colRange(blue + green, map.cols).setTo(2);
  return map;
}

bool same(const cv::Mat& a, const cv::Mat& b) {
  return a.size() == b.size() && a.type() == b.type() && cv::norm(a, b, cv::NORM_INF) == 0;
}

std::size_t filesIn(const fs::path& folder) {
  if (!fs::exists(folder)) return 0;
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

class Segmenter : public testing::Test {
 protected:
  Folder folder;
  std::string model = test::writeColorNetwork(folder.path());

  ProgramResult run(std::vector<std::string> more) {
    std::vector<std::string> arguments{"--model", model};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return runProgram("segmenter", arguments);
  }
  std::string at(const std::string& name) const { return (folder / name).string(); }
  // Nothing was written where the program failed.
  void expectFailure(const ProgramResult& result, int code, const std::string& message) {
    EXPECT_EQ(result.code, code) << result.out << result.err;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(filesIn(folder / "out"), 0u);
    EXPECT_FALSE(fs::exists(folder / "result.json"));
  }
};

TEST_F(Segmenter, WritesMapsColoursAndOverlaysAndScores) {
  writeImage(folder / "images/a.png", stripes(24, 8, 8, 16));
  writeImage(folder / "images/b.png", stripes(48, 32, 16, 16));  // twice the network's size
  writeImage(folder / "annotations/a.png", ids(24, 8, 8, 16));
  cv::Mat partly = ids(48, 32, 16, 16);
  partly.rowRange(0, 24).setTo(7);           // not labelled
  partly(cv::Rect(0, 24, 32, 24)).setTo(2);  // wrong: blue annotated as red
  writeImage(folder / "annotations/b.png", partly);
  const auto result = run({"--images", at("images"), "--out", at("out"), "--annotations", at("annotations"),
                           "--json", at("result.json"), "--confusion", at("confusion.csv")});
  ASSERT_EQ(result.code, 0) << result.err;

  EXPECT_TRUE(same(readImageUnchanged(folder / "out/a_classes.png"), ids(24, 8, 8, 16)));
  EXPECT_TRUE(same(readImageUnchanged(folder / "out/b_classes.png"), ids(48, 32, 16, 16)));
  const cv::Mat color = readImage(folder / "out/a_color.png"),
                overlay = readImage(folder / "out/a_overlay.png");
  EXPECT_EQ(color.at<cv::Vec3b>(5, 2), cv::Vec3b(200, 0, 0));
  EXPECT_EQ(color.at<cv::Vec3b>(5, 30), cv::Vec3b(0, 0, 200));
  EXPECT_EQ(overlay.at<cv::Vec3b>(5, 2)[0],
            (250 * (255 - 140) + 200 * 140 + 127) / 255);  // opacity 0.55: 140
  EXPECT_NE(overlay.at<cv::Vec3b>(5, 7), overlay.at<cv::Vec3b>(5, 6)) << "no line between classes";

  // a: 8, 8 and 16 columns of 24 rows, all right. b: 24 rows of 32 blue columns annotated as red, 16 green,
  // 16 red.
  const double blue = 8 * 24, green = 8 * 24 + 16 * 24, red = 16 * 24 + 16 * 24, wrong = 32 * 24;
  const auto json = readJson(folder / "result.json");
  EXPECT_DOUBLE_EQ(json["iou"]["blue"], blue / (blue + wrong));
  EXPECT_DOUBLE_EQ(json["iou"]["green"], 1);
  EXPECT_DOUBLE_EQ(json["iou"]["red"], red / (red + wrong));
  EXPECT_DOUBLE_EQ(json["miou"], (blue / (blue + wrong) + 1 + red / (red + wrong)) / 3);
  EXPECT_DOUBLE_EQ(json["pixel_accuracy"], (blue + green + red) / (blue + green + red + wrong));
  EXPECT_DOUBLE_EQ(json["category_iou"]["cold"], (blue + green) / (blue + green + wrong));
  EXPECT_EQ(json["confusion"]["annotated_by_predicted"][2][0], static_cast<int>(wrong));
  EXPECT_EQ(json["images"], 2);
  EXPECT_EQ(json["precision"], "fp32");
  EXPECT_EQ(json["model"], "net.prototxt,net.caffemodel");
  for (const char* key : {"median", "p90", "p99"}) EXPECT_GT(json["latency_ms"][key].get<double>(), 0) << key;
  EXPECT_GT(json["throughput_fps"].get<double>(), 0);
  EXPECT_GT(json["preprocess_ms"].get<double>(), 0);
  EXPECT_THAT(result.out, HasSubstr("mean IoU"));
  EXPECT_THAT(app::readFile(folder / "confusion.csv"), HasSubstr("red,768,0,768,0\n"));
}

TEST_F(Segmenter, BatchesGiveTheSameMaps) {
  for (int i = 0; i < 5; ++i)
    writeImage(folder / ("images/" + std::to_string(i) + ".png"), stripes(24, 4 + i, 9, 7));
  ASSERT_EQ(run({"--images", at("images"), "--out", at("one")}).code, 0);
  const auto batched = run({"--images", at("images"), "--out", at("out"), "--max-batch", "3"});
  ASSERT_EQ(batched.code, 0) << batched.err;
  for (const auto& entry : fs::directory_iterator(folder / "one"))
    EXPECT_EQ(app::readFile(entry.path()), app::readFile(folder / "out" / entry.path().filename()))
        << entry.path();
  EXPECT_EQ(filesIn(folder / "out"), 15u);
}

// The scores are the image: class maps at the network's size show which size that was.
TEST_F(Segmenter, EachImageHasASizeOfItsOwn) {
  fs::remove_all(folder / "images");
  const std::vector<std::pair<std::string, cv::Size>> sizes{
      {"a", {64, 96}}, {"b", {96, 64}}, {"c", {40, 50}}, {"d", {300, 200}}, {"e", {5, 4}}};
  for (const auto& [name, size] : sizes)
    writeImage(folder / ("images/" + name + ".png"), cv::Mat(size, CV_8UC3, cv::Scalar(0, 250, 0)));
  const std::vector<std::string> range{"--min-shape", "1x3x32x32", "--max-shape", "1x3x96x96"};
  const auto expectSizes = [&](const ProgramResult& result) {
    ASSERT_EQ(result.code, 0) << result.err;
    const std::map<std::string, cv::Size> wanted{
        {"a", {64, 96}}, {"b", {96, 64}}, {"c", {32, 64}}, {"d", {96, 64}}, {"e", {32, 32}}};
    for (const auto& [name, size] : wanted) {
      const cv::Mat map = readImageUnchanged(folder / ("out/" + name + "_classes.png"));
      EXPECT_EQ(map.size(), size) << name;
      EXPECT_EQ(cv::countNonZero(map != 1), 0) << name;
    }
  };
  std::vector<std::string> direct{"--images", at("images"), "--out", at("out"), "--network-size"},
      build{"build", model, "--out", at("net.plan")};
  direct.insert(direct.end(), range.begin(), range.end());
  build.insert(build.end(), range.begin(), range.end());
  expectSizes(run(direct));
  ASSERT_EQ(runProgram("tessera", build).code, 0);
  fs::remove_all(folder / "out");
  expectSizes(runProgram("segmenter", {"--model", at("net.plan"), "--images", at("images"), "--out",
                                       at("out"), "--network-size", "--streams", "2"}));
}

TEST_F(Segmenter, StreamsAndBatchesThatChangeGiveTheSameMaps) {
  for (int i = 0; i < 7; ++i)
    writeImage(folder / ("images/" + std::to_string(i) + ".png"), stripes(24, 4 + i, 9, 7));
  ASSERT_EQ(run({"--images", at("images"), "--out", at("one")}).code, 0);
  const auto ranged = run({"--images", at("images"), "--out", at("out"), "--min-shape", "image=1x3x24x32",
                           "--max-shape", "image=4x3x24x32", "--streams", "2", "--json", at("result.json")});
  ASSERT_EQ(ranged.code, 0) << ranged.err;
  for (int i = 0; i < 7; ++i) {
    const std::string name = std::to_string(i) + "_overlay.png";
    EXPECT_TRUE(same(readImage(folder / "one" / name), readImage(folder / "out" / name))) << name;
  }
  const auto json = readJson(folder / "result.json");
  EXPECT_EQ(json["images"], 7);
  EXPECT_EQ(json["batch"], 4);
  const auto sizes =
      run({"--images", at("images"), "--min-shape", "image=1x3x12x32", "--max-shape", "image=4x3x24x32"});
  EXPECT_EQ(sizes.code, 2);
  EXPECT_THAT(sizes.err, HasSubstr("need a first extent of 1"));
  const auto tuned = run({"--images", at("images"), "--out", at("tuned"), "--shape", "2x3x24x32",
                          "--min-shape", "image=1x3x24x32", "--max-shape", "image=4x3x24x32"});
  EXPECT_EQ(tuned.code, 0) << tuned.err;
  const auto all = run(
      {"--images", at("images"), "--out", at("all"), "--min-shape", "1x3x24x32", "--max-shape", "4x3x24x32"});
  EXPECT_EQ(all.code, 0) << "the model fixes a batch of 1, as it does for --max-batch: " << all.err;
  const auto both = run({"--images", at("images"), "--min-shape", "image=1x3x24x32", "--max-shape",
                         "image=4x3x24x32", "--max-batch", "2"});
  EXPECT_EQ(both.code, 2);
  EXPECT_THAT(both.err, HasSubstr("--max-shape has the largest batch"));
}

TEST_F(Segmenter, SkipsAnUnreadableImageAndSaysSo) {
  writeImage(folder / "images/a.png", stripes(24, 8, 8, 16));
  test::writeText(folder / "images/b.png", "no image");
  test::writeText(folder / "images/notes.txt", "not even meant as one");
  const auto result = run({"--images", at("images"), "--out", at("out"), "--json", at("result.json")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("b.png"));
  EXPECT_EQ(filesIn(folder / "out"), 3u);
  EXPECT_EQ(readJson(folder / "result.json")["images"], 1);
  EXPECT_EQ(readJson(folder / "result.json")["failed_images"], 1);
}

TEST_F(Segmenter, RefusesBadInput) {
  writeImage(folder / "images/a.png", stripes(24, 8, 8, 16));
  fs::create_directories(folder / "empty");
  test::writeText(folder / "broken/b.png", "no image");
  const std::vector<std::string> out{"--out", at("out"), "--json", at("result.json")};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), out.begin(), out.end());
    return run(more);
  };
  expectFailure(with({"--images", at("empty")}), 1, "holds no images");
  expectFailure(with({"--images", at("nothing.png")}), 1, "nothing.png");
  expectFailure(with({"--images", at("broken")}), 1, "b.png");
  expectFailure(with({"--images", at("images"), "--annotations", at("empty")}), 1, "holds no images");
  expectFailure(with({"--images", at("images"), "--annotations", at("broken")}), 1, "stem");
  expectFailure(with({"--images", at("images"), "--labels", "camvid"}), 1, "3 classes");
  expectFailure(with({"--images", at("images"), "--labels", "no_such"}), 1, "no_such");
  expectFailure(with({"--images", at("images"), "--device", "no such device"}), 1, "no such device");
  expectFailure(with({"--images", at("images"), "--preprocess", at("no.json")}), 1, "no.json");
  expectFailure(with({"--video", at("images/none.mp4")}), 1, "none.mp4");
  expectFailure(with({}), 2, "--images");
  expectFailure(with({"--images", at("images"), "--precision", "fp12"}), 2, "--precision");
  expectFailure(with({"--images", at("images"), "--no-such-option"}), 2, "--no-such-option");
}

TEST_F(Segmenter, RefusesBadModels) {
  writeImage(folder / "images/a.png", stripes(24, 8, 8, 16));
  const auto with = [&](const std::string& argument) {
    return runProgram("segmenter", {"--model", argument, "--images", at("images"), "--out", at("out"),
                                    "--json", at("result.json"), "--preprocess", at("net.json")});
  };
  const std::string caffemodel = app::readFile(folder / "net.caffemodel");
  expectFailure(with(at("no_such.onnx")), 1, "no_such.onnx");
  test::writeText(folder / "text.onnx", "this is no model");
  expectFailure(with(at("text.onnx")), 1, "text.onnx");
  test::writeText(folder / "cut.caffemodel", caffemodel.substr(0, caffemodel.size() / 2));
  expectFailure(with(at("net.prototxt") + "," + at("cut.caffemodel")), 1, "cut.caffemodel");
  test::writeText(folder / "none.caffemodel", caffe::TrainedNet().SerializeAsString());
  expectFailure(with(at("net.prototxt") + "," + at("none.caffemodel")), 1, "none.caffemodel");
}

TEST_F(Segmenter, RefusesBadSidecars) {
  writeImage(folder / "images/a.png", stripes(24, 8, 8, 16));
  const auto with = [&](const std::string& json) {
    test::writeText(folder / "side.json", json);
    return run({"--images", at("images"), "--out", at("out"), "--json", at("result.json"), "--preprocess",
                at("side.json")});
  };
  expectFailure(with("{"), 1, "side.json");
  expectFailure(with("{}"), 1, "input is missing");
  expectFailure(with(R"({"input": {"mean": [1, 2]}})"), 1, "input.mean");
  expectFailure(with(R"({"input": {"channels": "CMY"}})"), 1, "input.channels");
  expectFailure(with(R"({"input": {"resize": "stretch"}})"), 1, "input.resize");
  expectFailure(with(R"({"input": {"std": [1, 0, 1]}})"), 1, "input.std");
  expectFailure(with(R"({"input": {"size": [25, 32]}})"), 1, "25x32");
  expectFailure(with(R"({"input": {"name": "picture"}})"), 1, "picture");
  expectFailure(with(R"({"input": {}, "labels": [{"color": [1, 2, 3]}]})"), 1, "no name");
  expectFailure(with(R"({"task": "detection", "input": {}})"), 1, "detection");
  fs::remove(folder / "net.json");
  expectFailure(run({"--images", at("images"), "--out", at("out")}), 1, "--preprocess");
}

TEST_F(Segmenter, AnnotationsMayBeColours) {
  writeImage(folder / "images/a.png", stripes(24, 8, 8, 16));
  cv::Mat colors(24, 32, CV_8UC3, cv::Scalar(0, 0, 0));
  colors.colRange(0, 8).setTo(cv::Scalar(200, 0, 0));
  colors.colRange(8, 16).setTo(cv::Scalar(0, 200, 0));
  writeImage(folder / "annotations/a.png", colors);
  ASSERT_EQ(
      run({"--images", at("images"), "--annotations", at("annotations"), "--json", at("result.json")}).code,
      0);
  const auto json = readJson(folder / "result.json");
  EXPECT_DOUBLE_EQ(json["iou"]["blue"], 1);
  EXPECT_TRUE(json["iou"]["red"].is_null());  // neither annotated nor, where annotated, predicted
  EXPECT_DOUBLE_EQ(json["miou"], 1);
}

TEST_F(Segmenter, ReportsAnnotationsOfAnotherSize) {
  writeImage(folder / "images/a.png", stripes(24, 8, 8, 16));
  writeImage(folder / "images/b.png", stripes(24, 8, 8, 16));
  writeImage(folder / "annotations/a.png", ids(24, 8, 8, 16));
  writeImage(folder / "annotations/b.png", ids(12, 8, 8, 16));
  const auto result = run({"--images", at("images"), "--annotations", at("annotations")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("32x12"));
}

TEST_F(Segmenter, TurnsVideosIntoVideos) {
  cv::VideoWriter writer(at("clip.avi"), cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 12, cv::Size(64, 48));
  ASSERT_TRUE(writer.isOpened());
  for (int i = 0; i < 7; ++i) writer.write(stripes(48, 20 + i, 20, 24 - i));
  writer.release();
  const auto result = run({"--video", at("clip.avi"), "--out", at("out"), "--json", at("result.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  cv::VideoCapture video((folder / "out/clip_overlay.mp4").string());
  ASSERT_TRUE(video.isOpened());
  EXPECT_NEAR(video.get(cv::CAP_PROP_FPS), 12, 0.01);
  cv::Mat frame;
  int frames = 0;
  while (video.read(frame)) ++frames;
  EXPECT_EQ(frames, 7);
  EXPECT_EQ(frame.size(), cv::Size());
  EXPECT_EQ(readJson(folder / "result.json")["images"], 7);
  EXPECT_EQ(filesIn(folder / "out"), 1u);
}

TEST_F(Segmenter, VideosOfOneStemDoNotOverwriteEachOther) {
  for (const int frames : {2, 5}) {
    const std::string file = at(std::to_string(frames) + "/clip.avi");
    fs::create_directories(fs::path(file).parent_path());
    cv::VideoWriter writer(file, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 12, cv::Size(64, 48));
    for (int i = 0; i < frames; ++i) writer.write(stripes(48, 20, 20, 24));
  }
  const auto result =
      run({"--video", at("2/clip.avi"), at("5/clip.avi"), "--out", at("out"), "--json", at("result.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  for (const auto& [frames, name] : {std::pair(2, "clip"), std::pair(5, "clip_2")}) {
    cv::VideoCapture video(at("out/" + std::string(name) + "_overlay.mp4"));
    cv::Mat frame;
    int count = 0;
    while (video.read(frame)) ++count;
    EXPECT_EQ(count, frames);
  }
  const auto files = readJson(folder / "result.json")["files"];
  EXPECT_EQ(files[1]["source"], at("5/clip.avi"));
  EXPECT_EQ(files[1]["name"], "clip_2");
}

TEST_F(Segmenter, LegendGoesBelowThePicture) {
  writeImage(folder / "a.png", stripes(240, 80, 80, 160));
  ASSERT_EQ(run({"--images", at("a.png"), "--out", at("out"), "--legend"}).code, 0);
  const cv::Mat overlay = readImage(folder / "out/a_overlay.png");
  EXPECT_EQ(overlay.cols, 320);
  EXPECT_GT(overlay.rows, 240);
}

}  // namespace
}  // namespace tessera
