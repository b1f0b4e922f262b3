// Expressions of plugin manifests: values, refusals, and bounds on what a file may cost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "plugin/expression.hpp"
#include "tests/support/refusal.hpp"

namespace tessera {
namespace {

using testing::HasSubstr;

class ExpressionTest : public testing::Test {
 protected:
  ExpressionTest() {
    names_ = {{"a", "b"}, {"pads"}, {"x", "bias", "y"}, 2};
    tensors_ = {HostTensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}), HostTensor()};
    values_ = {
        {7, -2}, {{4, 5}}, {{DataType::Float32, {2, 3}}, {}, {DataType::Float32, {2, 3}}}, tensors_, {1, 2}};
  }
  double value(const std::string& text) const { return Expression::parse(text, names_).value(values_); }
  std::string wrong(const std::string& text) const {
    return test::refusal([&] { value(text); });
  }

  ExpressionNames names_;
  std::vector<HostTensor> tensors_;
  ExpressionValues values_;
};

TEST_F(ExpressionTest, FollowTheUsualOrder) {
  EXPECT_EQ(value("1 + 2 * 3 - 4 / 2"), 5);
  EXPECT_EQ(value("-(a + b) * 2"), -10);
  EXPECT_EQ(value("10 - 3 - 2"), 5);
  EXPECT_EQ(value("a > 5 && b < 0 ? 1 : 2"), 1);
  EXPECT_EQ(value("!(a == 7) || b != -2 ? 1 : 2 + 1"), 3);
  EXPECT_EQ(value("1e-3 * 2"), 0.002);
}

TEST_F(ExpressionTest, DivideDownwards) {
  EXPECT_EQ(value("a // 2"), 3);
  EXPECT_EQ(value("b // 4"), -1);
  EXPECT_EQ(value("b % 4"), 2);
  EXPECT_EQ(value("roundup(a, 4)"), 8);
  EXPECT_EQ(value("ceil(a / 2)"), 4);
}

TEST_F(ExpressionTest, AskForShapesAndElements) {
  EXPECT_EQ(value("extent(x, 0) * 10 + extent(x, -1)"), 23);
  EXPECT_EQ(value("rank(x) + size(y)"), 8);
  EXPECT_EQ(value("pads[0] + pads[1]"), 9);
  EXPECT_EQ(value("x"), 6);
  EXPECT_EQ(value("x[0, a - 6]"), 2);
  EXPECT_EQ(value("present(bias) ? bias : 5"), 5);
  EXPECT_EQ(value("max(min(1, 2), 0) + clamp(9, 0, 3) + sign(b)"), 3);
}

TEST_F(ExpressionTest, SumOverRanges) {
  EXPECT_EQ(value("sum(k, 0, 3, x[1, k])"), 15);
  EXPECT_EQ(value("sum(i, 0, 2, sum(j, 0, 3, x[i, j] * (i + j)))"), 0 + 2 + 6 + 4 + 10 + 18);
  EXPECT_EQ(value("product(k, 1, 5, k) + sum(k, 3, 3, 1)"), 24);
  EXPECT_EQ(value("largest(k, 0, 3, x[0, k]) - least(k, 0, 3, x[0, k])"), 2);
}

TEST_F(ExpressionTest, AreRefusedWithTheirPlace) {
  EXPECT_THAT(wrong("1 +"), HasSubstr("'1 +' is wrong at character 4: it ends where a value was expected"));
  EXPECT_THAT(wrong("c"), HasSubstr("nothing named 'c' here; known are a, b, pads, x, bias, y"));
  EXPECT_THAT(wrong("foo(1)"), HasSubstr("no function named 'foo'"));
  EXPECT_THAT(wrong("exp(1, 2)"), HasSubstr("exp takes 1 argument"));
  EXPECT_THAT(wrong("1 2"), HasSubstr("'2' was not expected"));
  EXPECT_THAT(wrong("y"), HasSubstr("elements of 'y' are not known here"));
  EXPECT_THAT(wrong("extent(a, 0)"), HasSubstr("'a' is no operand"));
  EXPECT_THAT(wrong("x[2, 0]"), HasSubstr("has nothing at 2 of axis 0"));
  EXPECT_THAT(wrong("x[0.5, 0]"), HasSubstr("not whole"));
  EXPECT_THAT(wrong("x[0]"), HasSubstr("2 extents, 1 indices are given"));
  EXPECT_THAT(wrong("pads[2]"), HasSubstr("has no entry 2"));
  EXPECT_THAT(wrong("bias"), HasSubstr("'bias' is absent"));
  EXPECT_THAT(wrong("extent(x, 2)"), HasSubstr("has no axis 2"));
  EXPECT_THAT(test::refusal([&] { Expression::parse("a / 2", names_).whole(values_); }),
              HasSubstr("not whole"));
}

TEST_F(ExpressionTest, AreBounded) {
  EXPECT_THAT(wrong("sum(k, 0, 1000000000000, k)"), HasSubstr("takes more than"));
  EXPECT_THAT(wrong(std::string(1000, '(')), HasSubstr("nested too deeply"));
  EXPECT_THAT(wrong(std::string(1000, '-') + "1"), HasSubstr("nested too deeply"));
  EXPECT_THAT(wrong("1" + std::string(9000, ' ')), HasSubstr("longer than"));
}

TEST_F(ExpressionTest, EstimateWhatTheyCost) {
  EXPECT_GT(Expression::parse("sum(k, 0, 1000, x[0, 0])", names_).estimate(values_), 1000);
  EXPECT_LT(Expression::parse("x + 1", names_).estimate(values_), 10);
  // In time that does not double with every sum inside another.
  std::string nested = "1";
  for (int i = 0; i < 25; ++i) nested = "sum(k, 0, 2, " + nested + ")";
  EXPECT_GT(Expression::parse(nested, names_).estimate(values_), 3e7);
}

}  // namespace
}  // namespace tessera
