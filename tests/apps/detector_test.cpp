// The detector as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/videoio.hpp>

#include "apps/common/images.hpp"
#include "tests/apps/program.hpp"

namespace tessera {

namespace fs = std::filesystem;
namespace {

using test::Folder;
using test::ProgramResult;
using test::runProgram;
using test::writeText;
using testing::HasSubstr;

class Detector : public testing::Test {
 protected:
  Detector() {
    writeNetwork();
    writeText(folder / "net.json",
              R"({"task": "detection", "preset": "fastestdet", "labels": ["blue", "green", "red"]})");
    app::writeImage(folder / "images/7.png", picture({2, 1}, {0, 0, 255}));
    app::writeImage(folder / "images/more.png", picture({1, 2}, {255, 0, 0}));
  }
  // In the format of FastestDet, 64x64 pixels in 4x4 cells: an object of 32x32 pixels around the upper left
  // corner of each cell; the scores of its classes are the cell's blue, green and red.
  void writeNetwork() {
    writeText(folder / "net.prototxt",
              "name: \"cells\" input: \"image\" input_dim: 1 input_dim: 3 input_dim: 64 input_dim: 64\n"
              "layer { name: \"cells\" type: \"Convolution\" bottom: \"image\" top: \"cells\"\n"
              "  convolution_param { num_output: 8 kernel_size: 16 stride: 16 } }\n");
    caffe::TrainedNet weights;
    auto* layer = weights.add_layer();
    layer->set_name("cells");
    auto* blob = layer->add_blobs();
    for (const int extent : {8, 3, 16, 16}) blob->mutable_shape()->add_dim(extent);
    for (int out = 0; out < 8; ++out)
      for (int in = 0; in < 3; ++in)
        for (int i = 0; i < 256; ++i) blob->add_data(out == 5 + in ? 1.0F / 256 : 0.0F);
    auto* bias = layer->add_blobs();
    bias->mutable_shape()->add_dim(8);
    for (int out = 0; out < 8; ++out) bias->add_data(out == 0 ? 1.0F : 0.0F);
    writeText(folder / "net.caffemodel", weights.SerializeAsString());
  }
  // Black, 128x128, one cell coloured.
  static cv::Mat picture(cv::Point cell, const cv::Scalar& color) {
    cv::Mat image(128, 128, CV_8UC3, cv::Scalar(0, 0, 0));
    image(cv::Rect(cell.x * 32, cell.y * 32, 32, 32)).setTo(color);
    return image;
  }
  std::string at(const std::string& name) const { return (folder / name).string(); }
  std::string model() const { return at("net.prototxt") + "," + at("net.caffemodel"); }
  ProgramResult run(const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"--model", model()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return runProgram("detector", arguments);
  }

  Folder folder;
};

TEST_F(Detector, WritesBoxesAndPictures) {
  const auto result = run({"--images", at("images"), "--json", at("r.json"), "--out", at("out"),
                           "--max-batch", "2", "--coco-results", at("coco.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("7.png: 1 red\n"));
  EXPECT_THAT(result.out, HasSubstr("more.png: 1 blue\n"));
  const auto json = app::readJson(at("r.json"));
  ASSERT_EQ(json["results"].size(), 2u);
  ASSERT_EQ(json["results"][0]["objects"].size(), 1u);
  const auto& object = json["results"][0]["objects"][0];
  EXPECT_EQ(object["class"], "red");
  EXPECT_EQ(object["index"], 2);
  EXPECT_NEAR(object["score"].get<double>(), 1, 1e-4);
  const std::vector<double> box{32, 0, 96, 64};  // of the image, which is twice the input
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(object["box"][i].get<double>(), box[i], 0.01) << i;
  EXPECT_GT(json["throughput_fps"].get<double>(), 0);
  const auto coco = app::readJson(at("coco.json"));
  EXPECT_EQ(coco[0]["image_id"], 7);
  EXPECT_EQ(coco[0]["category_id"], 2);
  EXPECT_NEAR(coco[0]["bbox"][2].get<double>(), 64, 0.01);
  EXPECT_EQ(coco[1]["image_id"], 2) << "no number: its place";
  const cv::Mat drawn = app::readImage(folder / "out/7_boxes.jpg");
  ASSERT_EQ(drawn.size(), cv::Size(128, 128));
  EXPECT_GT(cv::norm(drawn, picture({2, 1}, {0, 0, 255}), cv::NORM_INF), 50);
}

TEST_F(Detector, ScoresAgainstCocoAndYolo) {
  // The first box is there; of the second image another class is.
  writeText(folder / "coco.json",
            R"({"images": [{"id": 31, "file_name": "7.png"}, {"id": 32, "file_name": "more.png"}],
    "categories": [{"id": 5, "name": "red"}, {"id": 9, "name": "green"}],
    "annotations": [{"image_id": 31, "category_id": 5, "bbox": [32, 0, 64, 64]},
                    {"image_id": 32, "category_id": 9, "bbox": [0, 32, 64, 64]}]})");
  writeText(folder / "yolo/7.txt", "2 0.5 0.25 0.5 0.5\n");
  writeText(folder / "yolo/more.txt", "1 0.25 0.5 0.5 0.5\n");
  for (const char* annotations : {"coco.json", "yolo"}) {
    const auto result = run({"--images", at("images"), "--json", at("r.json"), "--annotations",
                             at(annotations), "--coco-results", at("results.json")});
    ASSERT_EQ(result.code, 0) << result.err;
    const auto json = app::readJson(at("r.json"));
    EXPECT_NEAR(json["map50"].get<double>(), 0.5, 1e-9);
    EXPECT_NEAR(json["map"].get<double>(), 0.5, 1e-9);
    EXPECT_NEAR(json["average_precision"]["red"]["ap"].get<double>(), 1, 1e-9);
    EXPECT_EQ(json["average_precision"]["green"]["ap50"], 0);
    EXPECT_EQ(json["results"][1]["objects"].size(), 1u) << "what is shown has the usual threshold";
    EXPECT_THAT(result.out, HasSubstr("AP@0.5"));
    if (annotations != std::string("coco.json")) continue;
    const auto coco = app::readJson(at("results.json"));
    EXPECT_EQ(coco[0]["image_id"], 31);
    EXPECT_EQ(coco[0]["category_id"], 5);
  }
}

TEST_F(Detector, AnnotationsThatAreNotScoredAreSaid) {
  writeText(folder / "coco.json",
            R"({"images": [{"id": 31, "file_name": "7.png"}, {"id": 32, "file_name": "more.png"}],
    "categories": [{"id": 5, "name": "red"}, {"id": 9, "name": "zebra"}],
    "annotations": [{"image_id": 31, "category_id": 5, "bbox": [32, 0, 64, 64]},
                    {"image_id": 32, "category_id": 9, "bbox": [0, 32, 64, 64]}]})");
  const auto partly = run({"--images", at("images"), "--annotations", at("coco.json")});
  EXPECT_THAT(partly.err, HasSubstr("1 boxes are not scored, whose categories no label is called: zebra"));
  std::string text = app::readFile(folder / "coco.json");
  text.replace(text.find("red"), 3, "tar");
  writeText(folder / "coco.json", text);
  const auto none = run({"--images", at("images"), "--annotations", at("coco.json")});
  EXPECT_THAT(none.err, HasSubstr("taken for the labels in their order"));
}

// A polygon's bounds are its box; anything but fractions is refused.
TEST_F(Detector, LabelFilesHoldBoxesOrPolygons) {
  writeText(folder / "yolo/7.txt", "2 0.25 0 0.75 0.1 0.6 0.5 0.3 0.4\n");
  const auto polygons =
      run({"--images", at("images/7.png"), "--json", at("r.json"), "--annotations", at("yolo")});
  ASSERT_EQ(polygons.code, 0) << polygons.err;
  EXPECT_NEAR(app::readJson(at("r.json"))["map"].get<double>(), 1, 1e-9);
  for (const char* line : {"2 64 32 64 64", "2 0.5 0.25 0.5 0.5 0.9", "2 0.5 0.25 0.5 x"}) {
    writeText(folder / "yolo/7.txt", std::string(line) + "\n");
    const auto refused = run({"--images", at("images/7.png"), "--annotations", at("yolo")});
    EXPECT_EQ(refused.code, 1) << line;
    EXPECT_THAT(refused.err, HasSubstr("7.txt: line 1 is not")) << line;
  }
}

// As YOLO's own tools have it: no file, no objects.
TEST_F(Detector, ImagesWithoutALabelFileHaveNoObjects) {
  writeText(folder / "yolo/7.txt", "2 0.5 0.25 0.5 0.5\n");
  app::writeImage(folder / "images/1.png", picture({2, 1}, {0, 0, 255}));  // what is found there is wrong
  const auto result = run({"--images", at("images"), "--json", at("r.json"), "--annotations", at("yolo")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, testing::Not(HasSubstr("not scored")));
  const auto json = app::readJson(at("r.json"));
  EXPECT_EQ(json["annotated_images"], 3);
  EXPECT_NEAR(json["average_precision"]["red"]["ap50"].get<double>(), 0.5, 0.01);
  fs::create_directories(folder / "empty");
  const auto empty = run({"--images", at("images"), "--annotations", at("empty")});
  EXPECT_EQ(empty.code, 1);
  EXPECT_THAT(empty.err, HasSubstr("holds no .txt file"));
}

// A Reshape lays all images of a batch end to end.
TEST_F(Detector, ModelsThatFixTheirBatchRunInIt) {
  const std::string net = app::readFile(folder / "net.prototxt");
  writeText(folder / "net.prototxt",
            net +
                "layer { name: \"flat\" type: \"Reshape\" bottom: \"cells\" top: \"flat\"\n"
                "  reshape_param { shape { dim: 1 dim: 8 dim: -1 dim: 4 } } }\n");
  const auto result = run({"--images", at("images"), "--max-batch", "2", "--json", at("r.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("runs in its own batch of 1, not in one of 2"));
  EXPECT_THAT(result.out, HasSubstr("7.png: 1 red\n"));
  EXPECT_EQ(app::readJson(at("r.json"))["batch"], 1);
}

TEST_F(Detector, VideosBecomeVideos) {
  cv::VideoWriter video(at("v.avi"), cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10, {128, 128});
  ASSERT_TRUE(video.isOpened());
  for (int i = 0; i < 5; ++i) video.write(picture({1 + i % 2, 1}, {0, 255, 0}));
  video.release();
  const auto result = run({"--video", at("v.avi"), "--out", at("out"), "--json", at("r.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto json = app::readJson(at("r.json"));
  ASSERT_EQ(json["results"].size(), 5u);
  EXPECT_EQ(json["results"][3]["frame"], 3);
  EXPECT_THAT(result.out, HasSubstr("v.avi: 5 frames: 5 green\n"));
  EXPECT_EQ(json["results"][3]["objects"][0]["class"], "green");
  EXPECT_TRUE(fs::exists(folder / "out/v_boxes.mp4"));
}

TEST_F(Detector, ADamagedVideoLeavesTheOthers) {
  cv::VideoWriter video(at("v.avi"), cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10, {128, 128});
  for (int i = 0; i < 5; ++i) video.write(picture({1, 1}, {0, 255, 0}));
  video.release();
  const std::string bytes = app::readFile(folder / "v.avi");
  writeText(folder / "cut.avi", bytes.substr(0, bytes.size() / 2));
  const auto result = run({"--video", at("cut.avi"), at("v.avi"), "--json", at("r.json")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("cut.avi"));
  EXPECT_EQ(app::readJson(at("r.json"))["results"].size(), 5u);
}

TEST_F(Detector, OptionsReplaceTheDescriptions) {
  // Cells beside each other: their boxes overlap by a third.
  cv::Mat image = picture({1, 1}, {0, 0, 255});
  image(cv::Rect(64, 32, 32, 32)).setTo(cv::Scalar(200, 0, 0));
  app::writeImage(folder / "two/x.png", image);
  const auto found = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"--images", at("two"), "--json", at("r.json")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = run(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return app::readJson(at("r.json"))["results"][0]["objects"].size();
  };
  EXPECT_EQ(found({}), 2u);
  EXPECT_EQ(found({"--overlap", "0.3"}), 1u) << "fastestdet suppresses across classes";
  EXPECT_EQ(found({"--most", "1"}), 1u);
  EXPECT_EQ(found({"--threshold", "0.95"}), 1u);
  EXPECT_EQ(found({"--overlap", "0.3", "--suppression", "none"}), 2u);
}

TEST_F(Detector, DamagedImagesAreReportedAndLeftOut) {
  writeText(folder / "images/x.jpg", "no picture");
  const auto result = run({"--images", at("images")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("x.jpg"));
  EXPECT_THAT(result.out, HasSubstr("7.png: 1 red"));
}

TEST_F(Detector, SaysWhatIsWrong) {
  const auto expect = [&](const std::vector<std::string>& more, int code, const std::string& message) {
    std::vector<std::string> arguments{"--images", at("images")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = run(arguments);
    EXPECT_EQ(result.code, code) << message;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(result.out, "");
  };
  EXPECT_THAT(run({}).err, HasSubstr("--images or --video"));
  expect({"--preset", "yolov8"}, 1, "'cells' f32:1x8x4x4");
  expect({"--preset", "torchvision-classification"}, 1, "for classification");
  expect({"--labels", "coco"}, 1, "3 classes");
  writeText(folder / "bad.json", R"({"images": [{"id": 1}]})");
  expect({"--annotations", at("bad.json")}, 1, "bad.json");
  writeText(folder / "yolo/7.txt", "8 0.5 0.25 0.5 0.5\n");
  expect({"--annotations", at("yolo")}, 1, "line 1");
  writeText(folder / "net.json", R"({"task": "detection", "input": {"scale": 1}})");
  expect({}, 1, "--preset");
  writeText(folder / "net.json", R"({"preset": "yolov99"})");
  expect({}, 1, "unknown preset");
}

}  // namespace
}  // namespace tessera
