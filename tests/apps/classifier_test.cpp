// The classifier as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "apps/classifier/truth.hpp"
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
using testing::Not;

class Classifier : public testing::Test {
 protected:
  Classifier() {
    // Softmax of the means of blue, green and red, of pixels times 0.02.
    writeText(folder / "net.prototxt",
              "name: \"means\" input: \"image\" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\n"
              "layer { name: \"same\" type: \"Convolution\" bottom: \"image\" top: \"same\"\n"
              "  convolution_param { num_output: 3 kernel_size: 1 bias_term: false } }\n"
              "layer { name: \"mean\" type: \"Pooling\" bottom: \"same\" top: \"mean\"\n"
              "  pooling_param { pool: AVE global_pooling: true } }\n"
              "layer { name: \"prob\" type: \"Softmax\" bottom: \"mean\" top: \"prob\" }\n");
    caffe::TrainedNet weights;
    auto* layer = weights.add_layer();
    layer->set_name("same");
    auto* blob = layer->add_blobs();
    for (const int extent : {3, 3, 1, 1}) blob->mutable_shape()->add_dim(extent);
    for (int i = 0; i < 9; ++i) blob->add_data(i % 4 == 0 ? 1.0F : 0.0F);
    writeText(folder / "net.caffemodel", weights.SerializeAsString());
    writeText(folder / "words.txt", "n00000001 blue, azure\nn00000002 green\nn00000003 dark red\n");
    describe(R"("labels": "words.txt")");
    write("blue/a.png", {250, 0, 0});
    write("green/b.png", {0, 200, 0});
    write("n00000003/c.png", {90, 0, 100});
  }
  void describe(const std::string& more) {
    writeText(folder / "net.json", R"({"task": "classification", "input": {"scale": 0.02}, )" + more + "}");
  }
  void write(const std::string& name, const cv::Vec3b& color) {
    app::writeImage(folder / ("images/" + name), cv::Mat(16, 20, CV_8UC3, cv::Scalar(color)));
  }
  std::string at(const std::string& name) const { return (folder / name).string(); }
  ProgramResult run(const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"--model", at("net.prototxt") + "," + at("net.caffemodel"), "--images",
                                       at("images")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return runProgram("classifier", arguments);
  }

  Folder folder;
};

TEST_F(Classifier, NamesImagesAndCountsRightOnes) {
  const auto result =
      run({"--json", at("r.json"), "--annotations", "folders", "--top-k", "2", "--out", at("out")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("a.png: blue 0.987 (0), green 0.007 (1)\n"));
  EXPECT_THAT(result.out, HasSubstr("c.png: dark red 0.512 (2), blue 0.419 (0)"));
  EXPECT_THAT(result.out, HasSubstr("100.00 % top-1, 100.00 % top-5 of 3 annotated"));
  const auto json = app::readJson(at("r.json"));
  ASSERT_EQ(json["results"].size(), 3u);
  EXPECT_EQ(json["results"][0]["classes"].size(), 2u);
  EXPECT_EQ(json["results"][0]["classes"][0]["class"], "blue");
  EXPECT_EQ(json["results"][0]["classes"][0]["index"], 0);
  EXPECT_NEAR(json["results"][0]["classes"][0]["confidence"].get<double>(), 0.98670, 1e-4);
  EXPECT_EQ(json["accuracy"]["top1"], 1.0);
  EXPECT_EQ(json["images"], 3);
  EXPECT_GE(json["postprocess_ms"].get<double>(), 0);
  EXPECT_TRUE(fs::exists(folder / "out/a_classes.jpg"));
}

TEST_F(Classifier, ThresholdLeavesClassesOut) {
  const auto result = run({"--threshold", "0.6"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("b.png: green 0.965 (1)\n"));
  EXPECT_THAT(result.out, HasSubstr("c.png: no class\n"));
}

TEST_F(Classifier, ListsMayNameFilesPathsAndClassesInEachWay) {
  writeText(folder / "list.txt",
            "# right\na.png 0\nimages/green/b.png,blue\n\nimages/n00000003/c.png dark red\n");
  const auto result = run({"--annotations", at("list.txt"), "--json", at("r.json"), "--top-k", "1"});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto json = app::readJson(at("r.json"));
  EXPECT_NEAR(json["accuracy"]["top1"].get<double>(), 2.0 / 3, 1e-9);
  EXPECT_EQ(json["accuracy"]["top5"], 1.0) << "more classes are looked at than are shown";
  EXPECT_EQ(json["results"][1]["annotated"], 0);
  EXPECT_EQ(json["results"][1]["classes"].size(), 1u);
}

TEST_F(Classifier, ImagesInAFolderOfNoClassAreNotScored) {
  write("others/d.png", {250, 0, 0});
  const auto result = run({"--annotations", "folders", "--json", at("r.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err,
              HasSubstr("d.png is not scored: its folder 'others' is neither name, key nor index"));
  EXPECT_THAT(result.out, HasSubstr("d.png: blue"));
  EXPECT_EQ(app::readJson(at("r.json"))["accuracy"]["annotated"], 3);
  const auto none = runProgram("classifier", {"--model", at("net.prototxt") + "," + at("net.caffemodel"),
                                              "--images", at("images/others"), "--annotations", "folders"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, HasSubstr("None of the images has a right class"));
}

TEST_F(Classifier, DamagedImagesAreReportedAndLeftOut) {
  writeText(folder / "images/blue/d.png", "no picture");
  const auto result = run({"--max-batch", "2"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("d.png"));
  EXPECT_THAT(result.out, HasSubstr("(1 failed)"));
  EXPECT_THAT(result.out, HasSubstr("b.png: green"));
}

TEST_F(Classifier, SaysWhatIsWrong) {
  const auto expect = [&](const std::vector<std::string>& more, int code, const std::string& message) {
    const auto result = run(more);
    EXPECT_EQ(result.code, code) << message;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(result.out, "");
  };
  writeText(folder / "list.txt", "a.png purple\n");
  expect({"--annotations", at("list.txt")}, 1, "list.txt, line 1");
  expect({"--top-k", "0"}, 2, "--top-k");
  expect({"--output", "scores"}, 1, "'prob'");
  expect({"--labels", "camvid"}, 1, "3 classes");
  expect({"--preset", "yolox"}, 1, "task is classification");
  describe(R"("output": {"scores": "maybe"})");
  expect({}, 1, "output.scores");
  describe(R"("output": {"boxes": "b"})");
  expect({}, 1, "output.boxes is not known");
  describe(R"("inputs": {})");
  expect({}, 1, "inputs is not known");
  writeText(folder / "net.json", R"({"task": "segmentation", "input": {}})");
  expect({}, 1, "for segmentation, not for classification");
  writeText(folder / "net.json", R"({"task": "guessing", "input": {}})");
  expect({}, 1, "task is 'guessing'");
}

// Without a description a preset says how images go in: RGB.
TEST_F(Classifier, PresetsTakeTheDescriptionsPlace) {
  fs::remove(folder / "net.json");
  EXPECT_THAT(run({}).err, HasSubstr("--preset"));
  const auto result = run({"--preset", "torchvision-classification", "--top-k", "1"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("a.png: class 2 "));
}

// docs/tutorials/classify.cpp, on a network whose classes are red, green and blue as the preset wants them.
TEST_F(Classifier, TutorialComparesPrecisions) {
  const auto result = runProgram("tutorial_classify",
                                 {at("net.prototxt") + "," + at("net.caffemodel"), at("images/blue/a.png")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, testing::StartsWith("class 2: "));
  EXPECT_THAT(result.out, HasSubstr("in fp16, difference "));
  EXPECT_EQ(runProgram("tutorial_classify", {}).code, 2);
  EXPECT_EQ(runProgram("tutorial_classify", {at("none.onnx"), at("images/blue/a.png")}).code, 1);
}

TEST(ClassTruth, FoldersAreClasses) {
  const app::LabelSet labels = app::labelsOf(app::Json{"cat", "dog"}, "");
  const app::ClassTruth truth("folders", labels);
  EXPECT_EQ(truth.find("/pictures/dog/1.png"), 1);
  EXPECT_EQ(truth.find("/pictures/0/1.png"), 0);
  EXPECT_EQ(truth.find("/pictures/2/1.png"), std::nullopt);
  EXPECT_THAT(truth.whyNot("/pictures/2/1.png"), HasSubstr("its folder '2'"));
}

TEST(SqueezeNetProgram, SeesASoccerBall) {
  const fs::path shared = test::sharedFolder();
  if (!fs::exists(shared / "models")) GTEST_SKIP() << "no models in " << shared;
  const Folder folder;
  const fs::path net = shared / "models/squeezenet";
  const auto result = runProgram(
      "classifier",
      {"--model",
       (net / "squeezenet_v1.1.prototxt").string() + "," + (net / "squeezenet_v1.1.caffemodel").string(),
       "--images", (shared / "images/coco/coco3.jpg").string(), "--json", (folder / "r.json").string()});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto best = app::readJson(folder / "r.json")["results"][0]["classes"][0];
  EXPECT_EQ(best["class"], "soccer ball");
  EXPECT_NEAR(best["confidence"].get<double>(), 0.96505, 2e-4) << "OpenCV's, with its resize of 8 bits";
  EXPECT_THAT(result.out, HasSubstr("coco3.jpg: soccer ball 0.965 (805)"));
}

TEST_F(Classifier, ScoresThatAreNoNumbersAreAnError) {
  caffe::TrainedNet weights;
  weights.ParseFromString(app::readFile(folder / "net.caffemodel"));
  weights.mutable_layer(0)->mutable_blobs(0)->set_data(0, std::numeric_limits<float>::quiet_NaN());
  writeText(folder / "net.caffemodel", weights.SerializeAsString());
  const auto result = run({});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("scores are not numbers"));
}

TEST_F(Classifier, ResultsDoNotReplaceTheDescription) {
  const std::string before = app::readFile(folder / "net.json");
  const auto result = run({"--json", at("net.json")});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("which it would replace"));
  EXPECT_EQ(app::readFile(folder / "net.json"), before);
}

TEST_F(Classifier, UnknownKeysOfLabelsAreErrors) {
  writeText(folder / "words.json", R"(["blue", {"name": "green", "colour": [0, 255, 0]}, "red"])");
  const auto result = run({"--labels", at("words.json")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("class 1 has 'colour', which is not known"));
}

}  // namespace
}  // namespace tessera
