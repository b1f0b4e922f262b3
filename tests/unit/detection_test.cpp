// Detectors' outputs as boxes: known boxes are written into outputs by the inverse of each network's formula,
// and have to come back.
#include "tessera/detection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tessera/presets.hpp"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kSize = 64;  // of the input: maps of 8x8, 4x4, 2x2 (and 1x1) cells
constexpr int kClasses = 3;
const Box kBox{10, 12, 34, 40};  // centre (22, 26), 24x28
constexpr float kX = 22, kY = 26, kWidth = 24, kHeight = 28;

float logit(float p) { return std::log(p / (1 - p)); }

Binding output(const std::string& name, Shape shape, DataType type = DataType::Float32) {
  return {name, type, std::move(shape), false};
}

/// Outputs that hold `fill`, with values set one by one.
class Outputs {
 public:
  Outputs& add(const std::string& name, const Shape& shape, float fill = 0) {
    HostTensor t(DataType::Float32, shape);
    for (float& v : t.as<float>()) v = fill;
    tensors[name] = std::move(t);
    bindings.push_back(output(name, shape));
    return *this;
  }
  void set(const std::string& name, std::int64_t at, float value) {
    tensors[name].as<float>()[static_cast<std::size_t>(at)] = value;
  }
  std::vector<DetectedObject> decode(const std::string& preset, std::int64_t item = 0, std::int64_t batch = 1,
                                     std::int64_t height = kSize, std::int64_t width = kSize) const {
    return DetectionDecoder(bindings, batch, height, width, presetOf(preset).detection).decode(tensors, item);
  }

  TensorMap tensors;
  std::vector<Binding> bindings;
};

void expectObject(const std::vector<DetectedObject>& found, int index, float score, const Box& box = kBox) {
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].index, index);
  EXPECT_NEAR(found[0].score, score, 1e-5);
  EXPECT_NEAR(found[0].box.left, box.left, 2e-3);
  EXPECT_NEAR(found[0].box.top, box.top, 2e-3);
  EXPECT_NEAR(found[0].box.right, box.right, 2e-3);
  EXPECT_NEAR(found[0].box.bottom, box.bottom, 2e-3);
}

constexpr std::int64_t kCells = 64 + 16 + 4;  // strides 8, 16, 32

TEST(Decoding, Yolov8InEitherOrientation) {
  const std::vector<float> row{kX, kY, kWidth, kHeight, 0.1F, 0.2F, 0.9F};
  for (const bool last : {false, true}) {
    Outputs o;
    o.add("y", last ? Shape{2, kCells, 7} : Shape{2, 7, kCells});
    for (std::int64_t v = 0; v < 7; ++v)
      o.set("y", 7 * kCells + (last ? 70 * 7 + v : v * kCells + 70), row[static_cast<std::size_t>(v)]);
    EXPECT_TRUE(o.decode("yolov8", 0, 2).empty());
    expectObject(o.decode("yolov8", 1, 2), 2, 0.9F);
  }
}

// A distribution whose mean is `value`: all of it on the two bins around it.
void setDistribution(Outputs& o, const std::string& name, std::int64_t base, std::int64_t step, float value,
                     int bins) {
  const int low = static_cast<int>(value);
  const float part = value - static_cast<float>(low);
  for (int b = 0; b < bins; ++b)
    o.set(name, base + b * step,
          b == low                   ? std::log(1 - part)
          : b == low + 1 && part > 0 ? std::log(part)
                                     : -90.0F);
}

TEST(Decoding, Yolov8FromDistributions) {
  Outputs o;
  o.add("p3", {1, 64 + kClasses, 8, 8}, -20).add("p4", {1, 64 + kClasses, 4, 4}, -20);
  o.add("p5", {1, 64 + kClasses, 2, 2}, -20);
  const std::int64_t cell = 1 * 4 + 2;  // of stride 16: its point is (40, 24)
  const std::array<float, 4> sides{(40 - 10) / 16.0F, (24 - 12) / 16.0F, (50 - 40) / 16.0F,
                                   (40 - 24) / 16.0F};
  for (int k = 0; k < 4; ++k)
    setDistribution(o, "p4", k * 16 * 16 + cell, 16, sides[static_cast<std::size_t>(k)], 16);
  o.set("p4", (64 + 1) * 16 + cell, logit(0.8F));
  expectObject(o.decode("yolov8"), 1, 0.8F, {10, 12, 50, 40});
}

TEST(Decoding, RowsOfNetworksWithoutSuppression) {
  Outputs o;
  o.add("rows", {1, 300, 6});
  const std::vector<float> row{10, 12, 34, 40, 0.7F, 2};
  for (std::int64_t v = 0; v < 6; ++v) o.set("rows", 5 * 6 + v, row[static_cast<std::size_t>(v)]);
  expectObject(o.decode("yolov8"), 2, 0.7F);
}

// Two classes give rows of six values, too; there are as many as cells.
TEST(Decoding, TwoClassesAreNoRowsOfCorners) {
  Outputs o;
  o.add("y", {1, kCells, 6});
  const std::vector<float> row{kX, kY, kWidth, kHeight, 0.6F, 0.3F};
  for (std::int64_t v = 0; v < 6; ++v) o.set("y", 9 * 6 + v, row[static_cast<std::size_t>(v)]);
  expectObject(o.decode("yolov8"), 0, 0.6F);
}

TEST(Decoding, Yolov5Decoded) {
  Outputs o;
  o.add("y", {1, 3 * kCells, 5 + kClasses});
  const std::vector<float> row{kX, kY, kWidth, kHeight, 0.9F, 0.1F, 0.8F, 0.2F};
  for (std::int64_t v = 0; v < 8; ++v) o.set("y", 200 * 8 + v, row[static_cast<std::size_t>(v)]);
  expectObject(o.decode("yolov5"), 1, 0.72F);
}

// Raw maps, with the anchors in an extent of their own or in that of the values.
TEST(Decoding, Yolov5AndYolov3FromAnchors) {
  const float w = 30, h = 61;  // the first anchor of stride 16
  const std::int64_t values = 5 + kClasses, cell = 1 * 4 + 1;
  for (const bool v3 : {false, true})
    for (const bool apart : {false, true}) {
      Outputs o;
      for (const std::int64_t side : {8, 4, 2})
        o.add("s" + std::to_string(side),
              apart ? Shape{1, 3, side, side, values} : Shape{1, 3 * values, side, side}, -20);
      const float fx = kX / 16 - 1, fy = kY / 16 - 1;
      const std::vector<float> row{v3 ? logit(fx) : logit((fx + 0.5F) / 2),
                                   v3 ? logit(fy) : logit((fy + 0.5F) / 2),
                                   v3 ? std::log(kWidth / w) : logit(std::sqrt(kWidth / w) / 2),
                                   v3 ? std::log(kHeight / h) : logit(std::sqrt(kHeight / h) / 2),
                                   logit(0.9F),
                                   -20,
                                   -20,
                                   logit(0.8F)};
      for (std::int64_t v = 0; v < values; ++v)
        o.set("s4", apart ? cell * values + v : v * 16 + cell, row[static_cast<std::size_t>(v)]);
      expectObject(o.decode(v3 ? "yolov3" : "yolov5"), 2, 0.72F);
    }
}

TEST(Decoding, YoloxJoinedAndPerScale) {
  const std::int64_t cell = 2 * 8 + 3;  // of stride 8
  const std::vector<float> row{
      kX / 8 - 3, kY / 8 - 2, std::log(kWidth / 8), std::log(kHeight / 8), 0.5F, 0.9F, 0, 0};
  Outputs joined, scales;
  joined.add("y", {1, kCells, 8});
  for (const std::int64_t side : {8, 4, 2}) scales.add("s" + std::to_string(side), {1, 8, side, side});
  for (std::int64_t v = 0; v < 8; ++v) {
    joined.set("y", cell * 8 + v, row[static_cast<std::size_t>(v)]);
    scales.set("s8", v * 64 + cell, row[static_cast<std::size_t>(v)]);
  }
  expectObject(joined.decode("yolox"), 0, 0.45F);
  expectObject(scales.decode("yolox"), 0, 0.45F);
}

TEST(Decoding, NanodetPlusAndNanodet) {
  // Plus: classes, then distances from (x s, y s); the old one: outputs of their own, from the cell's centre.
  const std::int64_t cells = kCells + 1, row = 64 + 1 * 4 + 2, values = kClasses + 32;
  Outputs plus, old;
  plus.add("y", {1, cells, values});
  plus.set("y", row * values + 1, 0.6F);
  for (const std::int64_t side : {8, 4, 2}) {
    old.add("cls" + std::to_string(side), {1, side * side, kClasses});
    old.add("dis" + std::to_string(side), {1, side * side, 32});
  }
  old.set("cls4", 6 * kClasses + 1, 0.6F);
  for (const bool isPlus : {true, false}) {
    const float x = isPlus ? 32 : 40, y = isPlus ? 16 : 24;
    const std::array<float, 4> sides{(x - 10) / 16, (y - 12) / 16, (50 - x) / 16, (40 - y) / 16};
    for (int k = 0; k < 4; ++k)
      setDistribution(isPlus ? plus : old, isPlus ? "y" : "dis4",
                      isPlus ? row * values + kClasses + k * 8 : 6 * 32 + k * 8, 1,
                      sides[static_cast<std::size_t>(k)], 8);
  }
  expectObject(plus.decode("nanodet"), 1, 0.6F, {10, 12, 50, 40});
  expectObject(old.decode("nanodet"), 1, 0.6F, {10, 12, 50, 40});
}

TEST(Decoding, FastestDet) {
  Outputs o;
  o.add("y", {1, 5 + kClasses, 4, 4}, 0);
  const std::int64_t cell = 1 * 4 + 1;
  const std::vector<float> row{0.9F,
                               std::atanh(kX / 16 - 1),
                               std::atanh(kY / 16 - 1),
                               logit(kWidth / 64),
                               logit(kHeight / 64),
                               0.1F,
                               0.7F,
                               0.2F};
  for (std::int64_t v = 0; v < 8; ++v) o.set("y", v * 16 + cell, row[static_cast<std::size_t>(v)]);
  expectObject(o.decode("fastestdet"), 1, std::pow(0.9F, 0.6F) * std::pow(0.7F, 0.4F));
}

// Encoded against priors of the network, decoded already, rows of DetectionOutput, and lists.
TEST(Decoding, SsdInEachOfItsForms) {
  const std::vector<float> corners{10 / 64.0F, 12 / 64.0F, 34 / 64.0F, 40 / 64.0F};
  Outputs decoded, encoded, rows;
  decoded.add("boxes", {1, 5, 4}).add("scores", {1, 5, kClasses});
  encoded.add("boxes", {1, 5, 4}).add("scores", {1, 5, kClasses}).add("priors", {1, 2, 20}, 0.1F);
  rows.add("rows", {1, 1, 9, 7});
  for (Outputs* o : {&decoded, &encoded}) {
    o->set("scores", 3 * kClasses + 2, 0.8F);
    o->set("scores", 4 * kClasses + 0, 0.9F);  // background
  }
  for (std::int64_t v = 0; v < 4; ++v) decoded.set("boxes", 12 + v, corners[static_cast<std::size_t>(v)]);
  // Prior 3: centre (16, 32), 32x16 of 64; variances 0.1 and 0.2.
  const std::vector<float> prior{0, 24 / 64.0F, 32 / 64.0F, 40 / 64.0F}, variances{0.1F, 0.1F, 0.2F, 0.2F};
  const std::vector<float> offsets{(kX - 16) / 32 / 0.1F, (kY - 32) / 16 / 0.1F, std::log(kWidth / 32) / 0.2F,
                                   std::log(kHeight / 16) / 0.2F};
  for (std::int64_t v = 0; v < 4; ++v) {
    const auto i = static_cast<std::size_t>(v);
    encoded.set("priors", 12 + v, prior[i]);
    encoded.set("priors", 20 + 12 + v, variances[i]);
    encoded.set("boxes", 12 + v, offsets[i]);
  }
  encoded.set("boxes", 0, 1);  // its right edge lies left of the left one, were it corners
  const std::vector<float> row{0, 2, 0.8F, corners[0], corners[1], corners[2], corners[3]};
  for (std::int64_t v = 0; v < 7; ++v) {
    rows.set("rows", 7 + v, row[static_cast<std::size_t>(v)]);
    rows.set("rows", 14 + v, v == 0 ? -1.0F : row[static_cast<std::size_t>(v)]);  // of no item
  }
  expectObject(decoded.decode("ssd"), 2, 0.8F);
  expectObject(encoded.decode("ssd"), 2, 0.8F);
  expectObject(rows.decode("ssd"), 2, 0.8F);
  encoded.bindings.pop_back();
  EXPECT_THAT([&] { encoded.decode("ssd"); }, testing::ThrowsMessage<Error>(HasSubstr("no priors")));

  Outputs listed;
  listed.add("boxes", {1, 5, 4}).add("scores", {1, 5});
  listed.bindings.push_back(output("labels", {1, 5}, DataType::Int64));
  listed.tensors["labels"] = HostTensor::of<std::int64_t>({1, 5}, {1, 1, 1, 2, 1});
  for (std::int64_t v = 0; v < 4; ++v) listed.set("boxes", 12 + v, corners[static_cast<std::size_t>(v)]);
  listed.set("scores", 3, 0.8F);
  expectObject(listed.decode("ssd"), 2, 0.8F);
}

TEST(Decoding, UltraFacePriorsAndCorners) {
  const std::int64_t rows = 3 * 40 * 30 + 2 * 20 * 15 + 2 * 10 * 8 + 3 * 5 * 4;
  ASSERT_EQ(rows, 4420);
  const Box face{90, 60, 130, 116};
  // The second prior (48 pixels) of the cell (5, 4) of stride 16, whose centre is (88, 72).
  const std::int64_t row = 3 * 1200 + (4 * 20 + 5) * 2 + 1;
  Outputs encoded, corners;
  for (Outputs* o : {&encoded, &corners}) {
    o->add("scores", {1, rows, 2}).add("boxes", {1, rows, 4});
    o->set("scores", row * 2 + 1, 0.95F);
  }
  const std::vector<float> offsets{(110 - 88) / 48.0F / 0.1F, (88 - 72) / 48.0F / 0.1F,
                                   std::log(40 / 48.0F) / 0.2F, std::log(56 / 48.0F) / 0.2F};
  const std::vector<float> edges{90 / 320.0F, 60 / 240.0F, 130 / 320.0F, 116 / 240.0F};
  for (std::int64_t v = 0; v < 4; ++v) {
    encoded.set("boxes", row * 4 + v, offsets[static_cast<std::size_t>(v)]);
    corners.set("boxes", row * 4 + v, edges[static_cast<std::size_t>(v)]);
  }
  expectObject(encoded.decode("ultraface", 0, 1, 240, 320), 1, 0.95F, face);
  expectObject(corners.decode("ultraface", 0, 1, 240, 320), 1, 0.95F, face);
}

TEST(Decoding, OtherOutputsAreListedWithWhatIsWanted) {
  Outputs o;
  o.add("one", {1, 85, 100}).add("two", {1, 7});
  try {
    o.decode("yolov8");
    FAIL() << "taken";
  } catch (const Error& e) {
    for (const char* part : {"'one' f32:1x85x100", "'two' f32:1x7", "64x64", "(4+CLASSES)xBOXES", "84 boxes"})
      EXPECT_THAT(e.what(), HasSubstr(part));
  }
  DetectionOptions named = presetOf("ssd").detection;
  named.scores = "three";
  EXPECT_THAT([&] { DetectionDecoder(o.bindings, 1, kSize, kSize, named); },
              testing::ThrowsMessage<Error>(HasSubstr("no output 'three'")));
}

TEST(Decoding, ClassesMustBeAsManyAsIsSaid) {
  Outputs o;
  o.add("y", {1, 4 + kClasses, kCells});
  DetectionOptions options = presetOf("yolov8").detection;
  options.classCount = kClasses;
  EXPECT_EQ(DetectionDecoder(o.bindings, 1, kSize, kSize, options).classes(), kClasses);
  options.classCount = 80;
  EXPECT_THROW(DetectionDecoder(o.bindings, 1, kSize, kSize, options), Error);
}

TEST(Presets, AreFoundByName) {
  EXPECT_TRUE(presetOf("torchvision-classification").classifies());
  EXPECT_FALSE(presetOf("yolox").classifies());
  EXPECT_THAT([] { presetOf("yolov99"); }, testing::ThrowsMessage<Error>(HasSubstr("ultraface")));
}

DetectedObject object(float left, float score, int index = 0) {
  return {{left, 0, left + 10, 10}, index, score};
}

std::vector<float> lefts(const std::vector<DetectedObject>& objects) {
  std::vector<float> all;
  for (const DetectedObject& o : objects) all.push_back(o.box.left);
  return all;
}

TEST(Suppression, HardTakesTheBestOfThoseThatOverlap) {
  SuppressionOptions options;
  const std::vector<DetectedObject> boxes{object(0, 0.5F),    object(1, 0.9F),  object(20, 0.3F),
                                          object(2, 0.8F, 1), object(40, 0.1F), object(60, std::nanf(""))};
  EXPECT_EQ(lefts(suppress(boxes, options)), (std::vector<float>{1, 2, 20}));
  options.perClass = false;
  EXPECT_EQ(lefts(suppress(boxes, options)), (std::vector<float>{1, 20}));
  options.most = 1;
  EXPECT_EQ(lefts(suppress(boxes, options)), (std::vector<float>{1}));
  options = {};
  options.overlap = 9.0 / 11;  // what boxes one pixel apart overlap by: at the threshold both stay
  EXPECT_EQ(suppress({object(0, 0.5F), object(1, 0.9F)}, {.overlap = 0.8182}).size(), 2u);
  EXPECT_EQ(suppress({object(0, 0.5F), object(1, 0.9F)}, {.overlap = 0.8181}).size(), 1u);
}

TEST(Suppression, EqualScoresKeepTheirOrder) {
  EXPECT_EQ(lefts(suppress({object(5, 0.5F), object(4, 0.5F), object(30, 0.5F)}, {})),
            (std::vector<float>{5, 30}));
}

TEST(Suppression, SoftLowersScores) {
  SuppressionOptions options;
  options.kind = Suppression::Soft;
  const auto kept = suppress({object(0, 0.8F), object(1, 0.9F), object(30, 0.7F)}, options);
  ASSERT_EQ(lefts(kept), (std::vector<float>{1, 30}));  // 0.8 exp(-(9/11)^2 / 0.5) is 0.21
  options.softness = 2;
  const auto more = suppress({object(0, 0.8F), object(1, 0.9F), object(30, 0.7F)}, options);
  ASSERT_EQ(lefts(more), (std::vector<float>{1, 30, 0}));
  EXPECT_NEAR(more[2].score, 0.8 * std::exp(-81.0 / 121 / 2), 1e-6);
}

TEST(Suppression, NumbersOutOfRangeAreRefused) {
  const auto why = [](const SuppressionOptions& options) {
    try {
      suppress({object(0, 0.5F)}, options);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("taken");
  };
  EXPECT_EQ(why({.threshold = 0}), "taken");
  EXPECT_EQ(why({.threshold = 1.5}), "the threshold of boxes is 1.5; it has to be from 0 to 1");
  EXPECT_EQ(why({.threshold = std::nan("")}), "the threshold of boxes is nan; it has to be from 0 to 1");
  EXPECT_EQ(why({.overlap = -0.1}), "the overlap of boxes is -0.1; it has to be from 0 to 1");
  EXPECT_EQ(why({.softness = 0}), "the softness of boxes is 0; it has to be positive");
  EXPECT_EQ(why({.most = 0}), "the number of boxes is 0; it has to be 1 at least");
}

TEST(Suppression, NoneKeepsAllByScore) {
  EXPECT_EQ(lefts(suppress({object(0, 0.5F), object(1, 0.9F)}, {.kind = Suppression::None})),
            (std::vector<float>{1, 0}));
}

TEST(Overlap, IsIntersectionOverUnion) {
  EXPECT_FLOAT_EQ(overlapOf({0, 0, 10, 10}, {5, 0, 15, 10}), 50.0F / 150);
  EXPECT_EQ(overlapOf({0, 0, 10, 10}, {10, 0, 20, 10}), 0);
  EXPECT_EQ(overlapOf({0, 0, 0, 0}, {0, 0, 0, 0}), 0);
}

// An image pixel goes to the input and back.
TEST(BoxInImage, IsTheWayBackThroughEachFit) {
  for (const ImageFit fit :
       {ImageFit::Stretch, ImageFit::Letterbox, ImageFit::LetterboxTopLeft, ImageFit::Crop}) {
    ImagePreprocess how{64, 96};
    how.fit = fit;
    const ImageRegion region = imageRegion(how, 300, 500);
    const Box image{200, 120, 260, 180};
    const auto forth = [](float at, std::int64_t begin, std::int64_t extent, std::int64_t of) {
      return static_cast<float>(begin) + at * static_cast<float>(extent) / static_cast<float>(of);
    };
    const Box input{forth(image.left, region.left, region.width, 500),
                    forth(image.top, region.top, region.height, 300),
                    forth(image.right, region.left, region.width, 500),
                    forth(image.bottom, region.top, region.height, 300)};
    const Box back = boxInImage(input, region, 300, 500);
    EXPECT_NEAR(back.left, image.left, 1e-3);
    EXPECT_NEAR(back.top, image.top, 1e-3);
    EXPECT_NEAR(back.right, image.right, 1e-3);
    EXPECT_NEAR(back.bottom, image.bottom, 1e-3);
  }
  EXPECT_EQ(boxInImage({-5, -5, 500, 500}, {0, 0, 64, 64}, 32, 16), (Box{0, 0, 16, 32}));
}

}  // namespace
}  // namespace tessera
