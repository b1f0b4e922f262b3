// What segmentation networks give: scores in either order, class maps, masks, many classes, several outputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <opencv2/core.hpp>

#include "apps/common/images.hpp"
#include "tests/apps/program.hpp"
#include "tests/import/onnx_model.hpp"

namespace tessera {

namespace fs = std::filesystem;
namespace {

using app::readImageUnchanged;
using app::readJson;
using app::writeImage;
using test::Folder;
using test::OnnxModel;
using test::ProgramResult;
using test::runProgram;
using testing::HasSubstr;

constexpr int kFloat = tessera_onnx::Tensor::FLOAT, kUint8 = 2, kInt32 = 6;

// Stripes of pure blue, green and red.
cv::Mat stripes(int height, int width) {
  cv::Mat image(height, width, CV_8UC3, cv::Scalar(250, 10, 10));
  image.colRange(width / 4, width / 2).setTo(cv::Scalar(10, 250, 10));
  image.colRange(width / 2, width).setTo(cv::Scalar(10, 10, 250));
  return image;
}

// The classes of those stripes.
cv::Mat ids(int height, int width, int type, int blue, int green, int red) {
  cv::Mat map(height, width, type, cv::Scalar(blue));
  map.colRange(width / 4, width / 2).setTo(green);
  map.colRange(width / 2, width).setTo(red);
  return map;
}

bool same(const cv::Mat& a, const cv::Mat& b) {
  return a.size() == b.size() && a.type() == b.type() && cv::norm(a, b, cv::NORM_INF) == 0;
}

class Outputs : public testing::Test {
 protected:
  Folder folder;
  std::string description = R"({"input": {}})";

  std::string at(const std::string& name) const { return (folder / name).string(); }
  ProgramResult run(const OnnxModel& model, std::vector<std::string> more = {}, int height = 24,
                    int width = 32) {
    test::writeText(folder / "net.onnx", model.bytes());
    test::writeText(folder / "net.json", description);
    writeImage(folder / "a.png", stripes(height, width));
    fs::remove_all(folder / "out");
    std::vector<std::string> arguments{"--model",   at("net.onnx"), "--images",
                                       at("a.png"), "--out",        at("out")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return runProgram("segmenter", arguments);
  }
  cv::Mat classes() const { return readImageUnchanged(folder / "out/a_classes.png"); }
  void expectRefused(const ProgramResult& result, const std::vector<std::string>& messages) {
    EXPECT_EQ(result.code, 1) << result.out;
    for (const std::string& message : messages) EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_FALSE(fs::exists(folder / "out"));
  }
};

OnnxModel network(std::vector<std::int64_t> image = {1, 3, 24, 32}) {
  OnnxModel m;
  m.input("image", std::move(image)).output("y");
  return m;
}

void argMax(OnnxModel& m, const std::string& from, const std::string& to, int axis, int keep) {
  auto& node = m.node("ArgMax", {from}, {to});
  OnnxModel::set(node, "axis", std::int64_t{axis});
  OnnxModel::set(node, "keepdims", std::int64_t{keep});
}
void cast(OnnxModel& m, const std::string& from, const std::string& to, int type) {
  OnnxModel::set(m.node("Cast", {from}, {to}), "to", std::int64_t{type});
}
void channelsLast(OnnxModel& m, const std::string& from, const std::string& to) {
  OnnxModel::set(m.node("Transpose", {from}, {to}), "perm", std::vector<std::int64_t>{0, 2, 3, 1});
}
// A 1x1 convolution from blue, green and red to `rows`.
void mix(OnnxModel& m, const std::string& to, const std::vector<std::array<float, 3>>& rows, float bias = 0) {
  std::vector<float> weights;
  for (const auto& row : rows) weights.insert(weights.end(), row.begin(), row.end());
  m.floats("w", {static_cast<std::int64_t>(rows.size()), 3, 1, 1}, weights);
  m.floats("b", {static_cast<std::int64_t>(rows.size())}, std::vector<float>(rows.size(), bias));
  m.node("Conv", {"image", "w", "b"}, {to});
}

TEST_F(Outputs, ClassMapsOfEveryKind) {
  const std::vector<std::pair<const char*, std::function<void(OnnxModel&)>>> kinds{
      {"i64", [](OnnxModel& m) { argMax(m, "image", "y", 1, 1); }},
      {"i64 without channel", [](OnnxModel& m) { argMax(m, "image", "y", 1, 0); }},
      {"i32", [](OnnxModel& m) { argMax(m, "image", "k", 1, 1), cast(m, "k", "y", kInt32); }},
      {"u8", [](OnnxModel& m) { argMax(m, "image", "k", 1, 0), cast(m, "k", "y", kUint8); }},
      {"f32", [](OnnxModel& m) { argMax(m, "image", "k", 1, 1), cast(m, "k", "y", kFloat); }},
      {"f32 without channel", [](OnnxModel& m) { argMax(m, "image", "k", 1, 0), cast(m, "k", "y", kFloat); }},
      {"channel last", [](OnnxModel& m) { channelsLast(m, "image", "t"), argMax(m, "t", "y", 3, 1); }},
      {"scores, classes last", [](OnnxModel& m) { channelsLast(m, "image", "y"); }}};
  const std::string labels = R"(, "labels": ["blue", "green", "red"])";
  for (const std::string& more : {std::string(), labels})
    for (const auto& [kind, write] : kinds) {
      description = R"({"input": {})" + more + "}";
      OnnxModel m = network();
      write(m);
      const auto result = run(m);
      ASSERT_EQ(result.code, 0) << kind << more << ": " << result.err;
      EXPECT_TRUE(same(classes(), ids(24, 32, CV_8U, 0, 1, 2))) << kind << more;
    }
}

TEST_F(Outputs, MasksAreCutAtAThreshold) {
  OnnxModel m = network();
  mix(m, "z", {{0, 0, 1}}, -100);  // 150 where red, else -90
  m.node("Sigmoid", {"z"}, {"y"});
  auto result = run(m);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(same(classes(), ids(24, 32, CV_8U, 0, 0, 1)));
  result = run(m, {"--threshold", "1"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(same(classes(), ids(24, 32, CV_8U, 0, 0, 0)));

  OnnxModel raw = network();
  mix(raw, "y", {{0, 0, 1}}, -100);
  expectRefused(run(raw), {"'y' is f32:1x1x24x32", "mask", "--threshold"});
  result = run(raw, {"--threshold", "0"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(same(classes(), ids(24, 32, CV_8U, 0, 0, 1)));
  description = R"({"input": {}, "output": {"layout": "mask", "threshold": 0}})";
  ASSERT_EQ(run(raw).code, 0);
  EXPECT_TRUE(same(classes(), ids(24, 32, CV_8U, 0, 0, 1)));
}

// As quantised models end: the sigmoid's values become bytes.
TEST_F(Outputs, MasksMayBeCodes) {
  OnnxModel m = network();
  mix(m, "z", {{0, 0, 1}}, -100);
  m.node("Sigmoid", {"z"}, {"p"});
  m.floats("scale", {}, {1.0f / 255});
  m.initializer("zero", kUint8, {}).add_int32_data(0);
  m.node("QuantizeLinear", {"p", "scale", "zero"}, {"y"});
  const auto result = run(m);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(same(classes(), ids(24, 32, CV_8U, 0, 0, 1)));
}

TEST_F(Outputs, MoreThan256ClassesMake16BitMaps) {
  std::vector<std::array<float, 3>> rows(300);
  rows[0] = {1, 0, 0}, rows[1] = {0, 1, 0}, rows[290] = {0, 0, 1};
  OnnxModel m = network();
  mix(m, "y", rows);
  auto result = run(m, {"--legend"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(same(classes(), ids(24, 32, CV_16U, 0, 1, 290)));

  OnnxModel map = network();
  mix(map, "s", rows);
  argMax(map, "s", "y", 1, 0);
  result = run(map, {"--network-size"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(same(classes(), ids(24, 32, CV_16U, 0, 1, 290)));
  writeImage(folder / "annotations/a.png", ids(24, 32, CV_8U, 0, 1, 2));
  result = run(m, {"--annotations", at("annotations")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("256"));
}

TEST_F(Outputs, AreRefusedWhereSeveralReadingsArePossible) {
  std::vector<std::array<float, 3>> rows(24);
  rows[3] = {1, 0, 0}, rows[4] = {0, 1, 0}, rows[5] = {0, 0, 1};
  OnnxModel m = network({1, 3, 24, 24});
  mix(m, "y", rows);
  expectRefused(run(m, {}, 24, 24), {"f32:1x24x24x24", "NCHW", "NHWC", "output.layout"});
  description = R"({"input": {}, "output": {"layout": "NCHW"}})";
  const auto result = run(m, {}, 24, 24);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(same(classes(), ids(24, 24, CV_8U, 3, 4, 5)));
  description = R"({"input": {}, "labels": ["a", "b"]})";
  OnnxModel five = network();
  mix(five, "y", std::vector<std::array<float, 3>>(5));
  expectRefused(run(five), {"'y' is f32:1x5x24x32", "labels"});
}

TEST_F(Outputs, OneOfSeveralIsChosenByName) {
  OnnxModel m = network();
  m.output("other");
  m.node("Identity", {"image"}, {"y"});
  m.node("Neg", {"image"}, {"other"});
  expectRefused(run(m), {"--output", "'y'", "'other'"});
  expectRefused(run(m, {"--output", "nobody"}), {"'nobody'", "'other'"});
  ASSERT_EQ(run(m, {"--output", "other"}).code, 0);
  EXPECT_TRUE(same(classes(), ids(24, 32, CV_8U, 1, 0, 0)));
  description = R"({"input": {}, "output": {"name": "y"}})";
  ASSERT_EQ(run(m).code, 0);
  EXPECT_TRUE(same(classes(), ids(24, 32, CV_8U, 0, 1, 2)));
}

TEST_F(Outputs, InputsThatNoImageFillsAreNamed) {
  OnnxModel m = network();
  m.input("gain", {1, 3, 24, 32});
  m.node("Mul", {"image", "gain"}, {"y"});
  expectRefused(run(m), {"image"});
  description = R"({"input": {"name": "image"}})";
  expectRefused(run(m), {"'gain' (f32:1x3x24x32)", "--freeze"});
}

TEST_F(Outputs, ImagesMayBeHeightWidthChannels) {
  OnnxModel m = network({1, 24, 32, 3});
  m.node("Identity", {"image"}, {"y"});
  const auto result = run(m);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(same(classes(), ids(24, 32, CV_8U, 0, 1, 2)));
}

TEST_F(Outputs, OpenSizesComeFromOptionDescriptionOrImage) {
  OnnxModel m = network({-1, 3, -1, -1});
  m.node("Identity", {"image"}, {"y"});
  const auto size = [&](std::vector<std::string> more) {
    more.push_back("--network-size");
    const auto result = run(m, more, 20, 28);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.code == 0 ? classes().size() : cv::Size();
  };
  EXPECT_EQ(size({}), cv::Size(28, 20));
  EXPECT_EQ(size({"--shape", "image=1x3x16x24"}), cv::Size(24, 16));
  description = R"({"input": {"size": [12, 16]}})";
  EXPECT_EQ(size({}), cv::Size(16, 12));
  EXPECT_EQ(size({"--max-batch", "2"}), cv::Size(16, 12));
  EXPECT_EQ(size({"--shape", "1x3x16x24"}), cv::Size(24, 16));
}

TEST_F(Outputs, AnImageThatIsTooLargeCostsNoOther) {
  OnnxModel m = network({2, 3, 1, 20000});
  m.node("Identity", {"image"}, {"y"});
  writeImage(folder / "wide.png", stripes(1, 60000));
  writeImage(folder / "z.png", stripes(1, 64));
  const auto result =
      run(m, {"--images", at("wide.png"), at("z.png"), "--max-batch", "2", "--json", at("r.json")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("wide.png (60000x1) can not be processed"));
  EXPECT_EQ(readJson(folder / "r.json")["images"], 2);
  EXPECT_EQ(readJson(folder / "r.json")["failed_images"], 1);
  EXPECT_TRUE(same(readImageUnchanged(folder / "out/z_classes.png"), ids(1, 64, CV_8U, 0, 1, 2)));
}

}  // namespace
}  // namespace tessera
