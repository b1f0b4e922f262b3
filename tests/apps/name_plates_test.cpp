// Names of boxes in pictures.
#include "apps/common/name_plates.hpp"

#include <gtest/gtest.h>

namespace tessera::test {
namespace {

using app::NamePlate;

app::LabelSet labels() {
  app::LabelSet set;
  set.classes = {{"person", {255, 0, 0}}, {"car", {0, 0, 255}}};
  return set;
}

// Ten pixels a letter, twenty high.
cv::Size extent(const std::string& text) { return {static_cast<int>(text.size()) * 10, 20}; }

std::vector<NamePlate> place(const std::vector<DetectedObject>& objects) {
  return app::placeNames(objects, labels(), {640, 480}, extent);
}

TEST(NamePlates, StandAboveTheirBoxes) {
  const auto plates = place({{{100, 100, 300, 300}, 0, 0.9F}});
  ASSERT_EQ(plates.size(), 1u);
  EXPECT_EQ(plates[0].text, "person 0.90");
  EXPECT_EQ(plates[0].at, cv::Rect(100, 80, 110, 20));
}

TEST(NamePlates, StayInThePicture) {
  const auto plates = place({{{600, 0, 640, 400}, 1, 0.8F}, {{0, 5, 200, 480}, 0, 0.7F}});
  ASSERT_EQ(plates.size(), 2u);
  EXPECT_EQ(plates[0].at, cv::Rect(560, 400, 80, 20))
      << "below: there is no room above, and inside it is wider";
  EXPECT_EQ(plates[1].at, cv::Rect(0, 5, 110, 20)) << "inside: there is neither above nor below";
}

TEST(NamePlates, DoNotCoverEachOther) {
  std::vector<DetectedObject> same(6, {{100, 100, 200, 200}, 0, 0.5F});
  const auto plates = place(same);
  ASSERT_GE(plates.size(), 3u);
  for (std::size_t i = 0; i < plates.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) EXPECT_EQ((plates[i].at & plates[k].at).area(), 0) << i << " " << k;
}

TEST(NamePlates, LeaveCrowdsVisible) {
  std::vector<DetectedObject> faces;
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 10; ++x) {
      const float left = 20.0F + 60.0F * static_cast<float>(x), top = 30.0F + 50.0F * static_cast<float>(y);
      faces.push_back({{left, top, left + 40, top + 45}, 0, 0.9F});
    }
  const auto plates = place(faces);
  EXPECT_GE(plates.size(), 10u);
  for (const NamePlate& plate : plates)
    for (std::size_t i = 0; i < faces.size(); ++i) {
      if (i == plate.object) continue;
      const cv::Rect face = app::pixelsOf(faces[i].box);
      EXPECT_LE((plate.at & face).area(), face.area() * 0.3) << plate.text << " at " << plate.at;
    }
}

TEST(NamePlates, ScoresAloneWhereNamesFindNoRoom) {
  // Between two cars that must stay visible a plate of 110 pixels hides too much, one of 40 little.
  const auto plates = place({{{290, 100, 330, 420}, 0, 0.9F},
                             {{200, 70, 289, 110}, 1, 0.6F},
                             {{331, 70, 420, 110}, 1, 0.6F},
                             {{200, 410, 289, 450}, 1, 0.6F},
                             {{331, 410, 420, 450}, 1, 0.6F}});
  ASSERT_FALSE(plates.empty());
  EXPECT_EQ(plates[0].object, 0u);
  EXPECT_EQ(plates[0].text, "0.90");
}

TEST(NamePlates, BoxesOutsideThePictureHaveNone) {
  EXPECT_TRUE(place({{{-50, -90, -10, -60}, 0, 0.9F}}).empty());
}

}  // namespace
}  // namespace tessera::test
