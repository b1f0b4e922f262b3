// The table of pointwise operators against hand-computed values.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "ops/pointwise.hpp"
#include "tessera/error.hpp"

namespace tessera {
namespace {

double valueOf(std::string_view name, double a, double b = 0, double alpha = 0, double beta = 0) {
  return findPointwise(name)->wide(a, b, alpha, beta);
}
std::int64_t integer(std::string_view name, std::int64_t a, std::int64_t b, std::int64_t alpha = 0) {
  return findPointwise(name)->integer(a, b, alpha, 0);
}

TEST(PointwiseTable, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const auto& row : pointwiseTable()) EXPECT_TRUE(names.insert(row.name).second) << row.name;
  EXPECT_EQ(findPointwise("NoSuchRow"), nullptr);
}

TEST(PointwiseTable, EveryRowHasTextAndFunctionTogether) {
  for (const auto& row : pointwiseTable()) {
    EXPECT_EQ(row.expression.empty(), row.wide == nullptr) << row.name;
    EXPECT_EQ(row.expression.empty(), row.single == nullptr) << row.name;
    EXPECT_EQ(row.integerExpression.empty(), row.integer == nullptr) << row.name;
  }
}

TEST(PointwiseTable, ActivationsHaveHandComputedValues) {
  EXPECT_EQ(valueOf("Relu", -2), 0);
  EXPECT_EQ(valueOf("Relu", 2), 2);
  EXPECT_NEAR(valueOf("Sigmoid", std::log(3.0)), 0.75, 1e-12);
  EXPECT_NEAR(valueOf("HardSwish", 1), 4.0 / 6, 1e-7);
  EXPECT_EQ(valueOf("HardSwish", -3.5), 0);
  EXPECT_EQ(valueOf("LeakyRelu", -4, 0, 0.25), -1);
  EXPECT_EQ(valueOf("Clip", 7, 0, -1, 6), 6);
  EXPECT_NEAR(valueOf("Elu", -std::log(2.0), 0, 3), -1.5, 1e-12);
  EXPECT_NEAR(valueOf("Gelu", 1), 0.8413447461, 1e-7);
  EXPECT_NEAR(valueOf("Softplus", 200), 200, 1e-12);
  EXPECT_NEAR(valueOf("Mish", 0.5), 0.5 * std::tanh(std::log(1 + std::exp(0.5))), 1e-12);
  EXPECT_EQ(valueOf("PRelu", -2, 0.5), -1);
}

TEST(PointwiseTable, RoundsHalfToEvenAndKeepsSigns) {
  EXPECT_EQ(valueOf("Round", 2.5), 2);
  EXPECT_EQ(valueOf("Round", 3.5), 4);
  EXPECT_EQ(valueOf("Sign", -0.25), -1);
  EXPECT_EQ(valueOf("Shrink", -2, 0, 1.5, 1), -1);
}

TEST(PointwiseTable, ModFollowsOnnx) {
  EXPECT_EQ(valueOf("Mod", -4.5, 2, 1), -0.5);  // fmod=1: the dividend's sign
  EXPECT_EQ(integer("Mod", -4, 3), 2);          // fmod=0: the divisor's sign
  EXPECT_EQ(integer("Mod", 4, -3), -2);
  EXPECT_EQ(integer("Mod", -4, 3, 1), -1);
  EXPECT_EQ(integer("Mod", 5, 0), 0);
}

TEST(PointwiseTable, IntegersTruncateAndNeverTrap) {
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(integer("Div", -7, 2), -3);
  EXPECT_EQ(integer("Div", 7, 0), 0);
  EXPECT_EQ(integer("Div", kMin, -1), kMin);
  EXPECT_EQ(integer("Pow", 3, 4), 81);
  EXPECT_EQ(integer("Pow", -2, 3), -8);
  EXPECT_EQ(integer("Pow", 2, -1), 0);
  EXPECT_EQ(integer("BitShiftLeft", 3, 2), 12);
  EXPECT_EQ(integer("BitShiftRight", 12, 70), 0);
}

TEST(PointwiseTable, PredicatesAndComparisonsGiveZeroOrOne) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(valueOf("IsInf", -inf, 0, 0, 1), 0);
  EXPECT_EQ(valueOf("IsInf", -inf, 0, 1, 1), 1);
  EXPECT_EQ(valueOf("IsNan", std::nan("")), 1);
  EXPECT_EQ(valueOf("Not", 1), 0);
  EXPECT_EQ(valueOf("GreaterOrEqual", 2, 2), 1);
  EXPECT_EQ(valueOf("Xor", 1, 1), 0);
}

TEST(PointwiseTable, ConstantsComeFromAttributesOrDefaults) {
  const PointwiseOp& row = *findPointwise("HardSigmoid");
  EXPECT_EQ(pointwiseConstants(row, {}).alpha, 0.2f);
  EXPECT_EQ(pointwiseConstants(row, {{"alpha", 0.25}}).alpha, 0.25f);
  EXPECT_EQ(pointwiseConstants(row, {{"alpha", 0.25}}).beta, 0.5f);
  EXPECT_EQ(saturatedInteger(-1e300), std::numeric_limits<std::int64_t>::min());
}

TEST(PointwiseTable, EpilogueActivationRefusesOtherRows) {
  EXPECT_EQ(applyActivation("", 3, 0, 0), 3);
  EXPECT_EQ(applyActivation("PRelu", -3, 0, 0, 2), -6);
  EXPECT_TRUE(isActivation("HardSwish"));
  EXPECT_FALSE(isActivation("Floor"));
  EXPECT_THROW(applyActivation("Floor", 3, 0, 0), Error);
}

}  // namespace
}  // namespace tessera
