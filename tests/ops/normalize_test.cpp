// Matrix products, normalisation, softmax: references against values worked out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/ops/run_operator.hpp"

namespace tessera {
namespace {

using List = std::vector<std::int64_t>;
using test::runOperator;

HostTensor normalizeInput(Shape shape, const std::vector<float>& values) {
  return HostTensor::of<float>(shape, values);
}

TEST(FullyConnected, FlattensItemsAndTransposesWeights) {
  const auto y = runOperator("FullyConnected", {{"activation", std::string("Relu")}},
                             {normalizeInput({2, 1, 2}, {1, 2, 3, 4}),
                              normalizeInput({3, 2}, {1, 0, 0, 1, -1, -1}), normalizeInput({3}, {0, 10, 4})});
  EXPECT_EQ(y[0], normalizeInput({2, 3}, {1, 12, 1, 3, 14, 0}));
}

TEST(MatMul, TreatsVectorsAsRowsAndColumns) {
  const HostTensor m = normalizeInput({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(runOperator("MatMul", {}, {m, normalizeInput({3}, {1, 0, 2})})[0], normalizeInput({2}, {7, 16}));
  EXPECT_EQ(runOperator("MatMul", {}, {normalizeInput({2}, {1, 10}), m})[0],
            normalizeInput({3}, {41, 52, 63}));
  EXPECT_EQ(runOperator("MatMul", {}, {normalizeInput({2}, {1, 10}), normalizeInput({2}, {3, 4})})[0],
            normalizeInput({}, {43}));
}

TEST(MatMul, BroadcastsBatches) {
  const auto y = runOperator(
      "MatMul", {}, {normalizeInput({2, 1, 1, 2}, {1, 2, 3, 4}), normalizeInput({2, 2, 1}, {1, 1, 10, 100})});
  EXPECT_EQ(y[0], normalizeInput({2, 2, 1, 1}, {3, 210, 7, 430}));
  EXPECT_THROW(runOperator("MatMul", {}, {normalizeInput({1, 2}, {1, 2}), normalizeInput({1, 2}, {1, 2})}),
               Error);
}

TEST(BatchNorm, AppliesStatisticsPerChannel) {
  const auto y = runOperator(
      "BatchNorm", {{"epsilon", 1.0}},
      {normalizeInput({1, 2, 2}, {1, 3, 10, 20}), normalizeInput({2}, {2, 1}), normalizeInput({2}, {0, 100}),
       normalizeInput({2}, {1, 10}), normalizeInput({2}, {3, 24})});
  EXPECT_EQ(y[0], normalizeInput({1, 2, 2}, {0, 2, 100, 102}));
}

TEST(Scale, MatchesExtentsFromTheAxisOn) {
  const HostTensor x = normalizeInput({1, 2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(runOperator("Scale", {}, {x, normalizeInput({2}, {10, 100}), normalizeInput({2}, {1, 2})})[0],
            normalizeInput({1, 2, 2}, {11, 21, 302, 402}));
  EXPECT_EQ(runOperator("Scale", {{"axis", 2}}, {x, normalizeInput({2}, {10, 100})})[0],
            normalizeInput({1, 2, 2}, {10, 200, 30, 400}));
  EXPECT_EQ(runOperator("Scale", {}, {x, HostTensor::scalar(3)})[0],
            normalizeInput({1, 2, 2}, {3, 6, 9, 12}));
}

TEST(InstanceNorm, NormalisesPlanes) {
  const auto y = runOperator(
      "InstanceNorm", {{"epsilon", 0.0}},
      {normalizeInput({1, 2, 2}, {1, 3, 10, 30}), normalizeInput({2}, {1, 2}), normalizeInput({2}, {0, 5})});
  EXPECT_EQ(y[0], normalizeInput({1, 2, 2}, {-1, 1, 3, 7}));
}

TEST(LayerNorm, NormalisesFromTheAxisOn) {
  const auto y = runOperator("LayerNorm", {{"axis", 1}, {"epsilon", 0.0}},
                             {normalizeInput({2, 1, 2}, {1, 3, 0, 8}), normalizeInput({1, 2}, {1, 10}),
                              normalizeInput({1, 2}, {0, 1})});
  EXPECT_EQ(y[0], normalizeInput({2, 1, 2}, {-1, 11, -1, 11}));
}

TEST(MeanVariance, PlacesEpsilonInsideOrOutsideTheRoot) {
  const HostTensor x = normalizeInput({1, 1, 2}, {-1, 1});
  const Attributes attrs{{"axes", List{2}}, {"epsilon", 3.0}};
  EXPECT_EQ(runOperator("MeanVariance", attrs, {x})[0], normalizeInput({1, 1, 2}, {-0.5, 0.5}));
  Attributes outside = attrs, meanOnly = attrs;
  EXPECT_EQ(runOperator("MeanVariance", outside.set("epsilon_outside", 1), {x})[0],
            normalizeInput({1, 1, 2}, {-0.25, 0.25}));
  EXPECT_EQ(runOperator("MeanVariance", meanOnly.set("normalize_variance", 0), {x})[0], x);
}

TEST(LpNormalize, DividesByTheNormAndScalesPerChannel) {
  const auto y = runOperator("LpNormalize", {{"axes", List{1}}},
                             {normalizeInput({1, 2, 2}, {3, 0, 4, 2}), normalizeInput({2}, {5, 10})});
  EXPECT_EQ(y[0], normalizeInput({1, 2, 2}, {3, 0, 8, 10}));
  const auto l1 = runOperator("LpNormalize", {{"axes", List{-1}}, {"p", 1}, {"epsilon", 1.0}},
                              {normalizeInput({1, 3}, {1, -2, 4})});
  EXPECT_EQ(l1[0], normalizeInput({1, 3}, {0.125, -0.25, 0.5}));
}

TEST(Softmax, IsStableForLargeNumbersAndKnowsItsLogarithm) {
  const HostTensor x = normalizeInput({1, 2}, {1000, 1000 + std::log(3.0f)});
  const auto y = runOperator("Softmax", {{"axis", -1}}, {x});
  EXPECT_NEAR(y[0].number(0), 0.25, 1e-5);
  EXPECT_NEAR(y[0].number(1), 0.75, 1e-5);
  const auto log = runOperator("Softmax", {{"axis", 0}, {"log", 1}}, {normalizeInput({2, 2}, {0, 5, 0, 5})});
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(log[0].number(i), -std::log(2.0), 1e-6);
}

}  // namespace
}  // namespace tessera
