// Resize: coordinates, roundings and weights of each mode against values worked out by hand.
#include <gtest/gtest.h>

#include "tests/ops/run_operator.hpp"

namespace tessera {
namespace {

using List = std::vector<std::int64_t>;
using test::runOperator;

std::vector<float> resizeRow(const std::vector<float>& x, std::int64_t to, Attributes attrs) {
  attrs.set("sizes", List{1, 1, to});
  const auto y =
      runOperator("Resize", attrs, {HostTensor::of<float>({1, 1, static_cast<std::int64_t>(x.size())}, x)});
  const auto values = y[0].as<float>();
  return {values.begin(), values.end()};
}
Attributes with(const char* mode, const char* coordinate) {
  return {{"mode", std::string(mode)}, {"coordinate", std::string(coordinate)}};
}
using Cells = std::vector<float>;

TEST(Resize, LinearCoordinates) {
  const Cells x = {0, 4};
  EXPECT_EQ(resizeRow(x, 4, with("linear", "half_pixel")), (Cells{0, 1, 3, 4}));         // -1/4 1/4 3/4 5/4
  EXPECT_EQ(resizeRow(x, 4, with("linear", "asymmetric")), (Cells{0, 2, 4, 4}));         // 0 1/2 1 3/2
  EXPECT_EQ(resizeRow(x, 5, with("linear", "align_corners")), (Cells{0, 1, 2, 3, 4}));   // 0 1/4 1/2 3/4 1
  EXPECT_EQ(resizeRow({0, 4, 8}, 1, with("linear", "half_pixel")), (Cells{4}));          // centre
  EXPECT_EQ(resizeRow({0, 4, 8}, 1, with("linear", "pytorch_half_pixel")), (Cells{0}));  // first cell
  EXPECT_EQ(resizeRow({0, 4, 8}, 1, with("linear", "align_corners")), (Cells{0}));
  EXPECT_EQ(resizeRow({0, 4, 8, 12}, 2, with("linear", "tf_half_pixel_for_nn")), (Cells{4, 12}));  // 1 and 3
}

TEST(Resize, SymmetricCoordinatesKeepTheCentre) {
  // 4 cells by a scale of 0.8 give 3.2, cut to 3: the coordinates stay centred on 1.5.
  Attributes attrs = with("linear", "half_pixel_symmetric");
  attrs.set("scales", std::vector<double>{1, 1, 0.8});
  const Cells y = resizeRow({0, 8, 16, 24}, 3, attrs);
  EXPECT_FLOAT_EQ(y[1], 12);
  EXPECT_FLOAT_EQ(y[0] + y[2], 24);
  EXPECT_FLOAT_EQ(y[0], 2);  // (0.5 / 0.8 - 0.5 + 0.125) * 8
}

TEST(Resize, ScalesNotSizesPlaceTheCells) {
  Attributes attrs = with("linear", "asymmetric");
  attrs.set("scales", std::vector<double>{1, 1, 1.6});
  EXPECT_EQ(resizeRow({0, 8}, 3, attrs), (Cells{0, 5, 8}));  // 0, 1/1.6, 2/1.6
}

TEST(Resize, NearestRoundings) {
  const Cells x = {1, 2, 3, 4};
  const auto rounded = [&](const char* rounding) {
    Attributes attrs = with("nearest", "asymmetric");
    return resizeRow(x, 8, attrs.set("nearest", std::string(rounding)));  // 0 1/2 1 3/2 .. 7/2
  };
  EXPECT_EQ(rounded("round_prefer_floor"), (Cells{1, 1, 2, 2, 3, 3, 4, 4}));
  EXPECT_EQ(rounded("round_prefer_ceil"), (Cells{1, 2, 2, 3, 3, 4, 4, 4}));
  EXPECT_EQ(rounded("floor"), (Cells{1, 1, 2, 2, 3, 3, 4, 4}));
  EXPECT_EQ(rounded("ceil"), (Cells{1, 2, 2, 3, 3, 4, 4, 4}));
  EXPECT_EQ(resizeRow(x, 2, with("nearest", "half_pixel")), (Cells{1, 3}));  // 1/2 and 5/2, floor preferred
}

TEST(Resize, CubicWeights) {
  // Half way between 0 and 1 with a = -3/4: -3/32, 19/32, 19/32, -3/32.
  const Cells y = resizeRow({0, 32, 0, 0}, 7, with("cubic", "align_corners"));
  EXPECT_FLOAT_EQ(y[0], 0);
  EXPECT_FLOAT_EQ(y[1], 19);
  EXPECT_FLOAT_EQ(y[2], 32);
  EXPECT_FLOAT_EQ(y[3], 19);
  EXPECT_FLOAT_EQ(y[5], -3);
  Attributes attrs = with("cubic", "align_corners");
  attrs.set("exclude_outside", 1);
  EXPECT_FLOAT_EQ(resizeRow({0, 32, 0, 0}, 7, attrs)[1],
                  32 * 19.0f / 35);  // without the weight beyond the edge
}

TEST(Resize, AntialiasStretchesTheFilterWhileItShrinks) {
  Attributes smooth = with("linear", "half_pixel");
  smooth.set("antialias", 1);
  // Centres 0.5 and 2.5; cells -1 to 2 weigh 1/8, 3/8, 3/8, 1/8, and the one outside counts for cell 0.
  EXPECT_EQ(resizeRow({0, 4, 8, 12}, 2, smooth), (Cells{2.5f, 9.5f}));
  EXPECT_EQ(resizeRow({0, 4}, 4, smooth), resizeRow({0, 4}, 4, with("linear", "half_pixel")));
  smooth.set("exclude_outside", 1);  // 3/7, 3/7, 1/7
  EXPECT_FLOAT_EQ(resizeRow({0, 4, 8, 12}, 2, smooth)[0], 20.0f / 7);
  EXPECT_THROW(resizeRow({0, 4}, 1, Attributes(with("nearest", "half_pixel")).set("antialias", 1)), Error);
}

TEST(Resize, AntialiasedCubicKeepsRamps) {
  Attributes smooth = with("cubic", "half_pixel");
  smooth.set("antialias", 1);
  const Cells y = resizeRow({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 8, smooth);
  for (int i = 2; i < 6; ++i) EXPECT_NEAR(y[static_cast<std::size_t>(i)], 2 * i + 0.5, 1e-5);
}

TEST(Resize, CropExtrapolatesOutside) {
  Attributes attrs = with("linear", "tf_crop_and_resize");
  attrs.set("roi", std::vector<double>{0, 0, 0.5, 1, 1, 1.5}).set("extrapolation", -1.0);
  EXPECT_EQ(resizeRow({0, 2, 4}, 3, attrs), (Cells{2, 4, -1}));  // cells 1, 2, 3
}

TEST(Resize, InterpolatesAlongEveryAxis) {
  const auto y = runOperator(
      "Resize",
      {{"mode", std::string("linear")}, {"coordinate", std::string("align_corners")}, {"sizes", List{3, 3}}},
      {HostTensor::of<float>({2, 2}, {0, 2, 4, 6})});
  EXPECT_EQ(y[0], HostTensor::of<float>({3, 3}, {0, 1, 2, 2, 3, 4, 4, 5, 6}));
}

TEST(Resize, RefusesModesItDoesNotKnow) {
  EXPECT_THROW(resizeRow({1, 2}, 4, with("area", "half_pixel")), Error);
  EXPECT_THROW(resizeRow({1, 2}, 4, with("linear", "corner")), Error);
  EXPECT_THROW(resizeRow({1, 2}, 4, with("linear", "tf_crop_and_resize")), Error);  // no roi
}

}  // namespace
}  // namespace tessera
