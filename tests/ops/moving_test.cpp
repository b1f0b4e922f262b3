// References of moving operators against hand-computed values.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "tests/ops/run_operator.hpp"

namespace tessera {
namespace {

using test::runOperator;
using Ints = std::vector<std::int64_t>;

/// 0, 1, 2, ... in a shape.
HostTensor countingTensor(Shape shape) {
  std::vector<float> values(elementCount(shape));
  std::iota(values.begin(), values.end(), 0.0f);
  return HostTensor::of<float>(std::move(shape), values);
}
HostTensor tensorOfFloats(Shape shape, std::vector<float> values) {
  return HostTensor::of<float>(std::move(shape), values);
}
HostTensor longs(Shape shape, Ints values) { return HostTensor::of<std::int64_t>(std::move(shape), values); }

TEST(Transpose, PermutesExtents) {
  EXPECT_EQ(runOperator("Transpose", {{"perm", Ints{1, 0}}}, {countingTensor({2, 3})})[0],
            tensorOfFloats({3, 2}, {0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(runOperator("Transpose", {{"perm", Ints{1, 2, 0}}}, {countingTensor({2, 1, 2})})[0],
            tensorOfFloats({1, 2, 2}, {0, 2, 1, 3}));
  EXPECT_THROW(runOperator("Transpose", {{"perm", Ints{0, 0}}}, {countingTensor({2, 3})}), Error);
}

TEST(Reshape, KeepsElementsAndChecksTheirNumber) {
  EXPECT_EQ(runOperator("Reshape", {{"shape", Ints{3, 2}}}, {countingTensor({2, 3})})[0],
            countingTensor({3, 2}));
  EXPECT_THROW(runOperator("Reshape", {{"shape", Ints{4}}}, {countingTensor({2, 3})}), Error);
}

TEST(Concat, JoinsAlongTheAxis) {
  const auto y = runOperator("Concat", {{"axis", -1}},
                             {tensorOfFloats({2, 1}, {1, 2}), tensorOfFloats({2, 2}, {3, 4, 5, 6})});
  EXPECT_EQ(y[0], tensorOfFloats({2, 3}, {1, 3, 4, 2, 5, 6}));
  EXPECT_THROW(
      runOperator("Concat", {{"axis", 0}}, {tensorOfFloats({1, 1}, {1}), tensorOfFloats({1, 2}, {3, 4})}),
      Error);
}

TEST(Slice, StepsForwardAndBackward) {
  const Attributes attrs = {{"starts", Ints{1, 3}}, {"sizes", Ints{1, 2}}, {"steps", Ints{1, -2}}};
  EXPECT_EQ(runOperator("Slice", attrs, {countingTensor({2, 4})})[0], tensorOfFloats({1, 2}, {7, 5}));
  EXPECT_THROW(runOperator("Slice", {{"starts", Ints{1}}, {"sizes", Ints{2}}}, {countingTensor({2})}), Error);
}

TEST(Pad, HasFourModesAndCrops) {
  const auto padded = [](const char* mode, Ints pads) {
    return runOperator("Pad", {{"mode", std::string(mode)}, {"pads", pads}, {"value", 9.0}},
                       {countingTensor({3})})[0];
  };
  EXPECT_EQ(padded("constant", {1, 2}), tensorOfFloats({6}, {9, 0, 1, 2, 9, 9}));
  EXPECT_EQ(padded("edge", {1, 2}), tensorOfFloats({6}, {0, 0, 1, 2, 2, 2}));
  EXPECT_EQ(padded("reflect", {2, 1}), tensorOfFloats({6}, {2, 1, 0, 1, 2, 1}));
  EXPECT_EQ(padded("wrap", {1, 2}), tensorOfFloats({6}, {2, 0, 1, 2, 0, 1}));
  EXPECT_EQ(padded("constant", {-1, 1}), tensorOfFloats({3}, {1, 2, 9}));
}

TEST(Expand, BroadcastsBothWays) {
  EXPECT_EQ(runOperator("Expand", {{"shape", Ints{2, 1, 2}}}, {tensorOfFloats({2, 1}, {1, 2})})[0],
            tensorOfFloats({2, 2, 2}, {1, 1, 2, 2, 1, 1, 2, 2}));
  EXPECT_EQ(runOperator("Tile", {{"repeats", Ints{2, 2}}}, {countingTensor({1, 2})})[0],
            tensorOfFloats({2, 4}, {0, 1, 0, 1, 0, 1, 0, 1}));
}

TEST(Gather, CountsNegativeIndicesFromTheEnd) {
  EXPECT_EQ(runOperator("Gather", {{"axis", 1}}, {countingTensor({2, 3}), longs({2}, {-1, 0})})[0],
            tensorOfFloats({2, 2}, {2, 0, 5, 3}));
  EXPECT_EQ(
      runOperator("GatherElements", {{"axis", 1}}, {countingTensor({2, 2}), longs({2, 2}, {0, 0, 1, 0})})[0],
      tensorOfFloats({2, 2}, {0, 0, 3, 2}));
  EXPECT_EQ(runOperator("GatherNd", {}, {countingTensor({2, 2}), longs({2, 2}, {0, 0, 1, 1})})[0],
            tensorOfFloats({2}, {0, 3}));
  EXPECT_EQ(
      runOperator("GatherNd", {{"batch_dims", 1}}, {countingTensor({2, 2, 2}), longs({2, 1}, {1, 0})})[0],
      tensorOfFloats({2, 2}, {2, 3, 4, 5}));
}

TEST(Scatter, ReplacesAndReducesInOrder) {
  const auto x = tensorOfFloats({1, 5}, {1, 2, 3, 4, 5});
  const auto at = longs({1, 2}, {1, 1});
  const auto updates = tensorOfFloats({1, 2}, {1.5f, 2.25f});
  EXPECT_EQ(runOperator("ScatterElements", {{"axis", 1}}, {x, at, updates})[0],
            tensorOfFloats({1, 5}, {1, 2.25f, 3, 4, 5}));
  EXPECT_EQ(
      runOperator("ScatterElements", {{"axis", 1}, {"reduction", std::string("add")}}, {x, at, updates})[0],
      tensorOfFloats({1, 5}, {1, 5.75f, 3, 4, 5}));
  EXPECT_EQ(runOperator("ScatterNd", {{"reduction", std::string("mul")}},
                        {tensorOfFloats({2, 2}, {1, 2, 3, 4}), longs({2, 1}, {1, 1}),
                         tensorOfFloats({2, 2}, {2, 3, 4, 5})})[0],
            tensorOfFloats({2, 2}, {1, 2, 24, 60}));
}

TEST(DepthToSpace, FollowsItsModes) {
  const auto x = countingTensor({1, 8, 1, 1});
  EXPECT_EQ(runOperator("DepthToSpace", {{"block", 2}}, {x})[0],
            tensorOfFloats({1, 2, 2, 2}, {0, 2, 4, 6, 1, 3, 5, 7}));
  EXPECT_EQ(runOperator("DepthToSpace", {{"block", 2}, {"mode", std::string("CRD")}}, {x})[0],
            tensorOfFloats({1, 2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(runOperator("SpaceToDepth", {{"block", 2}},
                        {tensorOfFloats({1, 2, 2, 2}, {0, 2, 4, 6, 1, 3, 5, 7})})[0],
            x);
  EXPECT_EQ(runOperator("ChannelShuffle", {{"group", 2}}, {countingTensor({1, 6})})[0],
            tensorOfFloats({1, 6}, {0, 3, 1, 4, 2, 5}));
}

TEST(TopK, PrefersTheFirstOfEqualOnes) {
  const auto y = runOperator("TopK", {{"k", 3}}, {tensorOfFloats({5}, {1, 7, 3, 7, 0})});
  EXPECT_EQ(y[0], tensorOfFloats({3}, {7, 7, 3}));
  EXPECT_EQ(y[1], longs({3}, {1, 3, 2}));
  EXPECT_EQ(runOperator("TopK", {{"k", 2}, {"largest", 0}}, {tensorOfFloats({3}, {1, 0, 1})})[1],
            longs({2}, {1, 0}));
}

TEST(OneHot, LeavesRowsOfForeignIndicesCold) {
  const auto y = runOperator("OneHot", {{"depth", 3}}, {longs({3}, {1, -1, 3}), tensorOfFloats({2}, {0, 5})});
  EXPECT_EQ(y[0], tensorOfFloats({3, 3}, {0, 5, 0, 0, 0, 5, 0, 0, 0}));
}

TEST(Trilu, KeepsATriangle) {
  EXPECT_EQ(runOperator("Trilu", {{"upper", 0}}, {tensorOfFloats({2, 3}, {1, 2, 3, 4, 5, 6})})[0],
            tensorOfFloats({2, 3}, {1, 0, 0, 4, 5, 0}));
  EXPECT_EQ(runOperator("Trilu", {{"k", 1}}, {tensorOfFloats({2, 3}, {1, 2, 3, 4, 5, 6})})[0],
            tensorOfFloats({2, 3}, {0, 2, 3, 0, 0, 6}));
}

TEST(Reduce, HasTenModes) {
  const auto reduced = [](const char* mode, HostTensor x) {
    return runOperator("Reduce", {{"mode", std::string(mode)}, {"axes", Ints{1}}, {"keepdims", 0}},
                       {std::move(x)})[0]
        .number(0);
  };
  const auto x = tensorOfFloats({1, 3}, {1, -2, 4});
  EXPECT_EQ(reduced("sum", x), 3);
  EXPECT_EQ(reduced("mean", x), 1);
  EXPECT_EQ(reduced("max", x), 4);
  EXPECT_EQ(reduced("min", x), -2);
  EXPECT_EQ(reduced("prod", x), -8);
  EXPECT_EQ(reduced("l1", x), 7);
  EXPECT_NEAR(reduced("l2", x), std::sqrt(21.0), 1e-6);
  EXPECT_EQ(reduced("sum_square", x), 21);
  EXPECT_NEAR(reduced("log_sum", x), std::log(3.0), 1e-6);
  EXPECT_NEAR(reduced("log_sum_exp", tensorOfFloats({1, 2}, {1000, 1000})), 1000 + std::log(2.0), 1e-3);
  EXPECT_EQ(reduced("mean", HostTensor::of<std::int32_t>({1, 2}, {3, 4})), 3);
}

TEST(ArgReduce, ChoosesFirstOrLastOfEqualOnes) {
  const auto x = tensorOfFloats({1, 4}, {2, 5, 5, 1});
  EXPECT_EQ(runOperator("ArgReduce", {{"axis", 1}}, {x})[0], longs({1, 1}, {1}));
  EXPECT_EQ(runOperator("ArgReduce", {{"axis", 1}, {"select_last", 1}, {"keepdims", 0}}, {x})[0],
            longs({1}, {2}));
  EXPECT_EQ(runOperator("ArgReduce", {{"axis", -1}, {"mode", std::string("min")}}, {x})[0],
            longs({1, 1}, {3}));
}

TEST(CumSum, IsExclusiveAndReverseOnRequest) {
  const auto x = tensorOfFloats({3}, {1, 2, 4});
  EXPECT_EQ(runOperator("CumSum", {{"axis", 0}}, {x})[0], tensorOfFloats({3}, {1, 3, 7}));
  EXPECT_EQ(runOperator("CumSum", {{"axis", 0}, {"exclusive", 1}}, {x})[0], tensorOfFloats({3}, {0, 1, 3}));
  EXPECT_EQ(runOperator("CumSum", {{"axis", 0}, {"exclusive", 1}, {"reverse", 1}}, {x})[0],
            tensorOfFloats({3}, {6, 4, 0}));
}

TEST(Quantize, RoundsHalfToEvenAndSaturates) {
  const auto x = tensorOfFloats({6}, {0, 2, 3, 1000, -254, -1000});
  EXPECT_EQ(
      runOperator("Quantize", {}, {x, tensorOfFloats({}, {2}), HostTensor::of<std::uint8_t>({}, {128})})[0],
      HostTensor::of<std::uint8_t>({6}, {128, 129, 130, 255, 1, 0}));
  EXPECT_EQ(runOperator("Quantize", {{"axis", 0}},
                        {tensorOfFloats({2, 1}, {3, 3}), tensorOfFloats({2}, {1, 2}),
                         HostTensor::of<std::int8_t>({2}, {0, 1})})[0],
            HostTensor::of<std::int8_t>({2, 1}, {3, 3}));
  EXPECT_EQ(runOperator("Dequantize", {},
                        {HostTensor::of<std::int8_t>({2}, {3, -3}), tensorOfFloats({}, {0.5f}),
                         HostTensor::of<std::int8_t>({}, {1})})[0],
            tensorOfFloats({2}, {1, -2}));
}

TEST(Reformat, QuantisesAsInt8IsDefined) {
  EXPECT_EQ(runOperator("Reformat", {{"to", std::string("i8")}, {"scale", 0.5}},
                        {tensorOfFloats({5}, {1, 0.25f, 0.75f, 100, std::nanf("")})})[0],
            HostTensor::of<std::int8_t>({5}, {2, 0, 2, 127, 0}));
  EXPECT_EQ(runOperator("Reformat", {{"to", std::string("f32")}, {"scale", 0.5}},
                        {HostTensor::of<std::int8_t>({2}, {-3, 4})})[0],
            tensorOfFloats({2}, {-1.5f, 2}));
}

TEST(Scatter, WhatIsNotANumberStaysSo) {
  const float no = std::nanf("");
  for (const char* reduction : {"max", "min"}) {
    const auto y = runOperator(
        "ScatterNd", {{"reduction", std::string(reduction)}},
        {tensorOfFloats({3}, {no, 1, 2}), longs({3, 1}, {0, 1, -1}), tensorOfFloats({3}, {5, no, 2})})[0];
    EXPECT_TRUE(std::isnan(y.number(0)) && std::isnan(y.number(1))) << reduction;
    EXPECT_EQ(y.number(2), 2);
  }
}

TEST(Indices, OutsideAnExtentAreClampedToIt) {
  const auto x = tensorOfFloats({3}, {1, 2, 3});
  const std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                     most = std::numeric_limits<std::int64_t>::max();
  const Ints wild = {least, -4, 3, most};
  const auto wanted = tensorOfFloats({4}, {1, 1, 3, 3});
  EXPECT_EQ(runOperator("Gather", {}, {x, longs({4}, wild)})[0], wanted);
  EXPECT_EQ(runOperator("GatherElements", {}, {x, longs({4}, wild)})[0], wanted);
  EXPECT_EQ(runOperator("GatherNd", {}, {x, longs({4, 1}, wild)})[0], wanted);
  const Attributes sum = {{"reduction", std::string("add")}};
  const auto ones = tensorOfFloats({4}, {1, 1, 1, 1});
  EXPECT_EQ(runOperator("ScatterElements", sum, {x, longs({4}, wild), ones})[0],
            tensorOfFloats({3}, {3, 2, 5}));
  EXPECT_EQ(runOperator("ScatterNd", sum, {x, longs({4, 1}, wild), ones})[0], tensorOfFloats({3}, {3, 2, 5}));
}

TEST(Indices, IntoAnEmptyExtentAreRefused) {
  const HostTensor none(DataType::Float32, {0});
  for (const char* op : {"Gather", "GatherElements"})
    EXPECT_THROW(runOperator(op, {}, {none, longs({1}, {0})}), Error) << op;
  EXPECT_THROW(runOperator("GatherNd", {}, {none, longs({1, 1}, {0})}), Error);
  EXPECT_THROW(runOperator("ScatterNd", {}, {none, longs({1, 1}, {0}), tensorOfFloats({1}, {1})}), Error);
  EXPECT_EQ(runOperator("Gather", {}, {none, longs({0}, {})})[0].shape, (Shape{0}));
}

}  // namespace
}  // namespace tessera
