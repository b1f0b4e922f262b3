// Pool, GlobalPool, Unpool, Lrn: references against values worked out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/ops/run_operator.hpp"

namespace tessera {
namespace {

using List = std::vector<std::int64_t>;
using test::runOperator;

HostTensor windowTensor(Shape shape, const std::vector<float>& values) {
  return HostTensor::of<float>(shape, values);
}
HostTensor longs(Shape shape, const std::vector<std::int64_t>& values) {
  return HostTensor::of<std::int64_t>(shape, values);
}
std::string mode(const char* name) { return name; }

const HostTensor kImage = HostTensor::of<float>({1, 1, 3, 4}, {1, 2, 3, 4, 8, 7, 6, 5, -1, -9, -2, -3});

TEST(Pool, MaximumIgnoresPads) {
  const auto y = runOperator(
      "Pool", {{"kernel", List{2, 2}}, {"strides", List{2, 2}}, {"pads", List{0, 1, 1, 1}}}, {kImage});
  EXPECT_EQ(y[0], windowTensor({1, 1, 2, 3}, {8, 7, 5, -1, -2, -3}));
}

TEST(Pool, IndicesAreFlatInRowOrColumnMajorOrder) {
  const Attributes window{{"kernel", List{2, 2}}, {"strides", List{1, 2}}};
  const HostTensor two = windowTensor({1, 2, 2, 2}, {1, 2, 3, 0, 5, 4, 1, 1});
  Attributes rows = window, columns = window;
  const auto byRow = runOperator("Pool", rows.set("indices", 1), {two});
  EXPECT_EQ(byRow[0], windowTensor({1, 2, 1, 1}, {3, 5}));
  EXPECT_EQ(byRow[1], longs({1, 2, 1, 1}, {2, 4}));
  const auto byColumn = runOperator("Pool", columns.set("indices", 2), {two});
  EXPECT_EQ(byColumn[1], longs({1, 2, 1, 1}, {1, 4}));
}

TEST(Pool, AveragesDivideByCellsInsideOrPadded) {
  Attributes attrs{{"mode", mode("average")},
                   {"kernel", List{3}},
                   {"strides", List{2}},
                   {"pads", List{1, 1}},
                   {"ceil_mode", 1}};
  const HostTensor row = windowTensor({1, 1, 6}, {6, 12, 18, 24, 30, 36});
  // Windows: [pad,6,12] [12,18,24] [24,30,36] [36,pad,beyond]: the cell beyond the pad counts nowhere.
  EXPECT_EQ(runOperator("Pool", attrs, {row})[0], windowTensor({1, 1, 4}, {9, 18, 30, 36}));
  attrs.set("count_include_pad", 1);
  EXPECT_EQ(runOperator("Pool", attrs, {row})[0], windowTensor({1, 1, 4}, {6, 18, 30, 18}));
}

TEST(Pool, DilationAndNorms) {
  const HostTensor row = windowTensor({1, 1, 5}, {3, -1, 4, 2, 0});
  const auto l2 =
      runOperator("Pool", {{"mode", mode("lp")}, {"kernel", List{2}}, {"dilations", List{2}}}, {row});
  EXPECT_EQ(l2[0], windowTensor({1, 1, 3}, {5, static_cast<float>(std::sqrt(5.0)), 4}));
  const auto l1 = runOperator("Pool", {{"mode", mode("lp")}, {"kernel", List{3}}, {"p", 1}}, {row});
  EXPECT_EQ(l1[0], windowTensor({1, 1, 3}, {8, 7, 6}));
}

TEST(GlobalPool, ReducesPlanes) {
  EXPECT_EQ(runOperator("GlobalPool", {{"mode", mode("max")}}, {kImage})[0], windowTensor({1, 1, 1, 1}, {8}));
  EXPECT_EQ(runOperator("GlobalPool", {{"mode", mode("average")}}, {kImage})[0],
            windowTensor({1, 1, 1, 1}, {21 / 12.0f}));
  EXPECT_EQ(runOperator("GlobalPool", {{"mode", mode("lp")}}, {windowTensor({1, 2, 2}, {3, 4, 0, -2})})[0],
            windowTensor({1, 2, 1}, {5, 2}));
}

TEST(Unpool, PutsValuesBackWhereTheMaximaWere) {
  const auto pooled =
      runOperator("Pool", {{"kernel", List{2, 2}}, {"strides", List{2, 2}}, {"indices", 1}}, {kImage});
  const auto y = runOperator("Unpool", {{"output_shape", List{1, 1, 3, 4}}}, pooled);
  EXPECT_EQ(y[0], windowTensor({1, 1, 3, 4}, {0, 0, 0, 0, 8, 0, 6, 0, 0, 0, 0, 0}));
}

TEST(Lrn, AcrossReachesFurtherAheadWhereSizeIsEven) {
  const auto y = runOperator("Lrn", {{"size", 2}, {"alpha", 2.0}, {"beta", 1.0}, {"bias", 0.0}},
                             {windowTensor({1, 3, 1}, {1, 2, 3})});
  EXPECT_EQ(y[0], windowTensor({1, 3, 1}, {1 / 5.0f, 2 / 13.0f, 3 / 9.0f}));
}

TEST(Lrn, WithinDividesByTheWholeWindow) {
  const auto y = runOperator(
      "Lrn", {{"size", 3}, {"alpha", 9.0}, {"beta", 0.5}, {"bias", 0.0}, {"region", mode("within")}},
      {windowTensor({1, 1, 2, 2}, {1, 1, 1, 1})});
  EXPECT_EQ(y[0], windowTensor({1, 1, 2, 2}, {0.5, 0.5, 0.5, 0.5}));
}

}  // namespace
}  // namespace tessera
