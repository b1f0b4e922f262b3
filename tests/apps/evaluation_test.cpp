// Average precision, by hand and against pycocotools where that is.
#include "apps/detector/evaluation.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/apps/program.hpp"

namespace tessera::app {
namespace {

DetectedObject found(float left, float score, int index = 0) {
  return {{left, 0, left + 10, 10}, index, score};
}
RightBox right(float left, int index = 0, bool crowd = false) {
  return {{left, 0, left + 10, 10}, index, crowd};
}

TEST(AveragePrecision, IsOneWhereAllIsRight) {
  DetectionScore score;
  score.add({found(0, 0.9F), found(50, 0.5F)}, {right(50), right(0)});
  EXPECT_DOUBLE_EQ(score.mean()->at50, 1);
  EXPECT_DOUBLE_EQ(score.mean()->mean, 1);
}

TEST(AveragePrecision, FallsWithWrongAndMissedBoxes) {
  DetectionScore score;
  score.add({found(0, 0.5F), found(50, 0.9F)}, {right(0), right(100)});
  // Precision 1/2 up to recall 1/2, 0 beyond: 51 of 101 recalls.
  EXPECT_NEAR(score.mean()->at50, 0.5 * 51 / 101, 1e-12);
}

TEST(AveragePrecision, CountsOverlapsAboveEachThreshold) {
  DetectionScore score;
  score.add({found(2, 0.5F)}, {right(0)});  // overlap 8 / 12: of 0.50, 0.55, 0.60, 0.65
  EXPECT_DOUBLE_EQ(score.mean()->at50, 1);
  EXPECT_NEAR(score.mean()->mean, 0.4, 1e-12);
}

TEST(AveragePrecision, CrowdsCountForNothing) {
  DetectionScore score;
  score.add({found(0, 0.5F), found(50, 0.9F)}, {right(0), right(50, 0, true), right(70, 3, true)});
  EXPECT_DOUBLE_EQ(score.mean()->at50, 1);
  EXPECT_EQ(score.mean()->right, 1u);
  EXPECT_EQ(score.classes().size(), 1u);
}

TEST(AveragePrecision, IsNoneWithoutBoxes) {
  DetectionScore score;
  score.add({found(0, 0.5F)}, {});
  EXPECT_FALSE(score.mean());
}

/// Random boxes of images, of which most of the found ones lie near one that is there; as a score and as
/// files.
struct RandomBoxes {
  std::mt19937 random{3};
  Json truth{{"images", Json::array()}, {"categories", Json::array()}, {"annotations", Json::array()}};
  Json results = Json::array();
  DetectionScore score;
  int id = 0;

  double number(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random); }
  // Quarters of pixels, so that both sides compute with the same numbers.
  float quarters(double low, double high) {
    return static_cast<float>(std::round(number(low, high) * 4) / 4);
  }
  static Json boxJson(const Box& b) { return {b.left, b.top, b.right - b.left, b.bottom - b.top}; }

  void addImage(int image) {
    truth["images"].push_back({{"id", image}, {"width", 640}, {"height", 480}, {"file_name", "x"}});
    std::vector<DetectedObject> objects;
    std::vector<RightBox> boxes;
    for (int b = 0; b < 8; ++b) {
      const float x = quarters(0, 500), y = quarters(0, 380), w = quarters(10, 120), h = quarters(10, 90);
      const int index = static_cast<int>(number(0, 3));
      boxes.push_back({{x, y, x + w, y + h}, index, number(0, 1) < 0.1});
      truth["annotations"].push_back({{"id", ++id},
                                      {"image_id", image},
                                      {"category_id", index},
                                      {"bbox", boxJson(boxes.back().box)},
                                      {"area", w * h},
                                      {"iscrowd", boxes.back().crowd ? 1 : 0}});
      if (number(0, 1) < 0.2) continue;
      const float dx = quarters(-8, 8), dy = quarters(-8, 8);
      const int guess = number(0, 1) < 0.9 ? index : (index + 1) % 3;
      objects.push_back(
          {{x + dx, y + dy, x + dx + w, y + dy + h}, guess, static_cast<float>(number(0.01, 1))});
      results.push_back({{"image_id", image},
                         {"category_id", guess},
                         {"bbox", boxJson(objects.back().box)},
                         {"score", objects.back().score}});
    }
    score.add(objects, boxes);
  }
};

TEST(AveragePrecision, AMeanOfOnesIsOne) {
  for (int classes = 1; classes <= 12; ++classes) {
    DetectionScore score;
    std::vector<DetectedObject> found;
    std::vector<RightBox> right;
    for (int c = 0; c < classes; ++c) {
      found.push_back({{0, 0, 10, 10}, c, 0.9F});
      right.push_back({{0, 0, 10, 10}, c, false});
    }
    score.add(found, right);
    EXPECT_EQ(score.mean()->at50, 1.0) << classes;
    EXPECT_EQ(score.mean()->mean, 1.0) << classes;
  }
}

TEST(AveragePrecision, AgreesWithPycocotools) {
  if (std::system("python3 -c 'import pycocotools.cocoeval' >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "python3 has no pycocotools";
  const test::Folder folder;
  RandomBoxes boxes;
  for (int c = 0; c < 3; ++c) boxes.truth["categories"].push_back({{"id", c}, {"name", std::to_string(c)}});
  for (int image = 1; image <= 30; ++image) boxes.addImage(image);
  writeJson(folder / "truth.json", boxes.truth);
  writeJson(folder / "results.json", boxes.results);
  test::writeText(folder / "run.py",
                  "import sys\nfrom pycocotools.coco import COCO\nfrom pycocotools.cocoeval import COCOeval\n"
                  "t = COCO(sys.argv[1])\ne = COCOeval(t, t.loadRes(sys.argv[2]), 'bbox')\n"
                  "e.evaluate(); e.accumulate(); e.summarize()\n"
                  "open(sys.argv[3], 'w').write('%.12f %.12f' % (e.stats[0], e.stats[1]))\n");
  const std::string at = folder.path().string() + "/";
  const std::string command =
      "python3 " + at + "run.py " + at + "truth.json " + at + "results.json " + at + "stats";
  ASSERT_EQ(std::system((command + " >/dev/null 2>&1").c_str()), 0);
  double mean = 0, at50 = 0;
  ASSERT_EQ(std::sscanf(readFile(folder / "stats").c_str(), "%lf %lf", &mean, &at50), 2);
  EXPECT_NEAR(boxes.score.mean()->mean, mean, 1e-9);
  EXPECT_NEAR(boxes.score.mean()->at50, at50, 1e-9);
  EXPECT_GT(at50, 0.3);
}

}  // namespace
}  // namespace tessera::app
