// Images sampled at computed places: GridSample, RoiAlign, MaxRoiPool and DeformColumns against values worked
// out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/ops/run_operator.hpp"

namespace tessera {
namespace {

using test::runOperator;
using List = std::vector<std::int64_t>;
using Values = std::vector<float>;

Values values(const HostTensor& tensor) {
  const auto all = tensor.as<float>();
  return {all.begin(), all.end()};
}

/// A row of cells sampled at coordinates of -1 to 1 across it.
Values sampledRow(const Values& cells, const Values& at, Attributes attrs) {
  const auto width = static_cast<std::int64_t>(cells.size()), count = static_cast<std::int64_t>(at.size());
  return values(runOperator(
      "GridSample", attrs,
      {HostTensor::of<float>({1, 1, width}, cells), HostTensor::of<float>({1, count, 1}, at)})[0]);
}

TEST(GridSample, EdgesOrCentresOfTheOuterCellsAreOne) {
  EXPECT_EQ(sampledRow({0, 4, 8, 12}, {-1, 0, 1}, {{"align_corners", 1}}), (Values{0, 6, 12}));
  EXPECT_EQ(sampledRow({0, 4, 8, 12}, {-0.75f, 0, 0.5f}, {}), (Values{0, 6, 10}));  // cells 0, 1.5, 2.5
}

TEST(GridSample, PaddingsGoOnBeyondTheEdges) {
  const Values cells = {2, 4, 8, 16}, at = {-1, 1.25f};  // coordinates -0.5 and 4
  const auto padded = [&](const char* padding) {
    return sampledRow(cells, at, {{"padding", std::string(padding)}});
  };
  EXPECT_EQ(padded("zeros"), (Values{1, 0}));
  EXPECT_EQ(padded("border"), (Values{2, 16}));
  EXPECT_EQ(padded("reflection"), (Values{2, 16}));  // 4 is half a cell beyond the edge, as is 3
  // Between centres: 5 is mirrored at 4 to 3.
  EXPECT_EQ(
      sampledRow({2, 4, 8, 16, 32}, {1.5f}, {{"padding", std::string("reflection")}, {"align_corners", 1}}),
      (Values{16}));
}

// As ONNX Runtime and PyTorch do it.
TEST(GridSample, CubicCurvesGoOnBeyondTheBorder) {
  const Attributes cubic = {{"mode", std::string("cubic")}, {"padding", std::string("border")}};
  // Coordinate -0.5: cells 0, 0, 0, 1 with weights -3/32, 19/32, 19/32, -3/32; -6: the first cell alone.
  EXPECT_EQ(sampledRow({2, 34, 8, 16}, {-1, -3.75f}, cubic), (Values{2 - 32 * 3.0f / 32, 2}));
}

TEST(GridSample, NearestRoundsHalfToEven) {
  const Attributes nearest = {{"mode", std::string("nearest")}, {"align_corners", 1}};
  EXPECT_EQ(sampledRow({1, 2, 3, 4, 5}, {-0.75f, -0.25f, 0.25f}, nearest),
            (Values{1, 3, 3}));  // 0.5, 1.5, 2.5
}

TEST(GridSample, CoordinatesThatAreNoNumbersLieOutside) {
  const float no = std::nanf("");
  EXPECT_EQ(sampledRow({3, 4}, {no, INFINITY, -INFINITY, 1e30f}, {}), (Values{0, 0, 0, 0}));
  EXPECT_EQ(sampledRow({3, 4}, {no, INFINITY, -INFINITY, 1e30f}, {{"padding", std::string("border")}}),
            (Values{3, 4, 3, 4}));
}

TEST(GridSample, TheLastExtentOfTheGridNamesTheInnermostAxisFirst) {
  const auto x = HostTensor::of<float>({1, 1, 2, 3}, {0, 1, 2, 10, 11, 12});
  const auto grid = HostTensor::of<float>({1, 1, 1, 2}, {1, -1});  // last column, first row
  EXPECT_EQ(values(runOperator("GridSample", {{"align_corners", 1}}, {x, grid})[0]), (Values{2}));
  EXPECT_THROW(runOperator("GridSample", {}, {x, HostTensor::of<float>({1, 1, 1, 3}, {0, 0, 0})}), Error);
  EXPECT_THROW(runOperator("GridSample", {{"mode", std::string("bilinear")}}, {x, grid}), Error);
}

/// Cells hold their column, so that an average is the middle of the columns it covers.
HostTensor columns(std::int64_t height, std::int64_t width) {
  HostTensor x(DataType::Float32, {1, 1, height, width});
  for (std::int64_t i = 0; i < x.size(); ++i) x.setNumber(i, static_cast<double>(i % width));
  return x;
}
const HostTensor kFirst = HostTensor::of<std::int64_t>({1}, {0});

TEST(RoiAlign, AveragesSamplesOfEachBin) {
  const auto roi = HostTensor::of<float>({1, 4}, {1, 0, 5, 4});
  const Attributes two = {{"size", List{1, 2}}};
  EXPECT_EQ(values(runOperator("RoiAlign", two, {columns(6, 8), roi, kFirst})[0]), (Values{1.5f, 3.5f}));
  EXPECT_EQ(
      values(runOperator("RoiAlign", Attributes(two).set("half_pixel", 0), {columns(6, 8), roi, kFirst})[0]),
      (Values{2, 4}));
  // One sample in the middle of the bin; its corners are columns 2 and 3 with a half each.
  const Attributes most = {{"size", List{1, 1}}, {"mode", std::string("max")}, {"sampling_ratio", 1}};
  EXPECT_EQ(values(runOperator("RoiAlign", most, {columns(6, 8), roi, kFirst})[0]),
            (Values{0.75f}));  // 3 * 0.5 * 0.5
}

TEST(RoiAlign, SamplesOutsideCountAsZero) {
  const auto roi = HostTensor::of<float>({2, 4}, {-9, -9, -3, -3, 0, 0, INFINITY, 2});
  const auto items = HostTensor::of<std::int64_t>({2}, {0, 7});
  EXPECT_EQ(values(runOperator("RoiAlign", {{"size", List{1, 1}}}, {columns(4, 4), roi, items})[0]),
            (Values{0, 0}));
}

TEST(MaxRoiPool, RoundsCornersAndOverlapsBins) {
  // Columns 1 to 5, five of them, in two bins of 2.5: 1..3 and 3..5.
  const auto roi = HostTensor::of<float>({1, 5}, {0, 0.6f, 0, 5.4f, 0});
  EXPECT_EQ(values(runOperator("MaxRoiPool", {{"size", List{1, 2}}}, {columns(2, 8), roi})[0]),
            (Values{3, 5}));
  const auto away = HostTensor::of<float>({1, 5}, {0, 20, 20, 30, 30});
  EXPECT_EQ(values(runOperator("MaxRoiPool", {{"size", List{1, 1}}}, {columns(2, 8), away})[0]), (Values{0}));
}

TEST(DeformColumns, MovesEachTap) {
  // Two taps side by side on a row of four; the second one looks half a cell further right at the first
  // position.
  const auto x = HostTensor::of<float>({1, 1, 1, 4}, {0, 4, 8, 12});
  const auto offsets = HostTensor::of<float>({1, 4, 1, 3}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5f, 0, 5});
  const auto mask = HostTensor::of<float>({1, 2, 1, 3}, {1, 1, 1, 1, 0.5f, 1});
  const Attributes window = {{"kernel", List{1, 2}}};
  EXPECT_EQ(values(runOperator("DeformColumns", window, {x, offsets})[0]), (Values{0, 4, 8, 6, 8, 0}));
  EXPECT_EQ(values(runOperator("DeformColumns", window, {x, offsets, mask})[0]), (Values{0, 4, 8, 6, 4, 0}));
  EXPECT_THROW(runOperator("DeformColumns", {{"kernel", List{1, 3}}}, {x, offsets}), Error);
}

}  // namespace
}  // namespace tessera
