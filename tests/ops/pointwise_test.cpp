// Pointwise operators and chains against hand-computed values.
#include <gtest/gtest.h>

#include "ops/pointwise_chain.hpp"
#include "tests/ops/run_operator.hpp"

namespace tessera {
namespace {

using test::runOperator;

TEST(Pointwise, BroadcastsAsNumpy) {
  const auto y = runOperator(
      "Add", {}, {HostTensor::of<float>({2, 1}, {1, 2}), HostTensor::of<float>({3}, {10, 20, 30})});
  EXPECT_EQ(y[0], HostTensor::of<float>({2, 3}, {11, 21, 31, 12, 22, 32}));
}

TEST(Pointwise, IntegersDivideByTruncation) {
  const auto y = runOperator(
      "Div", {}, {HostTensor::of<std::int32_t>({3}, {7, -7, 5}), HostTensor::of<std::int32_t>({}, {2})});
  EXPECT_EQ(y[0], HostTensor::of<std::int32_t>({3}, {3, -3, 2}));
}

TEST(Pointwise, NarrowIntegersWrap) {
  const auto y = runOperator(
      "Add", {}, {HostTensor::of<std::uint8_t>({1}, {250}), HostTensor::of<std::uint8_t>({1}, {10})});
  EXPECT_EQ(y[0], HostTensor::of<std::uint8_t>({1}, {4}));
}

TEST(Pointwise, ComparisonsGiveBool) {
  const auto y =
      runOperator("Less", {}, {HostTensor::of<float>({3}, {1, 2, 3}), HostTensor::of<float>({}, {2})});
  EXPECT_EQ(y[0].type, DataType::Bool);
  EXPECT_EQ(y[0].integer(0) * 100 + y[0].integer(1) * 10 + y[0].integer(2), 100);
}

TEST(Pointwise, ClipOfIntegersSaturatesItsBounds) {
  const auto y = runOperator("Clip", {{"alpha", -5.0}}, {HostTensor::of<std::int64_t>({2}, {-9, 9})});
  EXPECT_EQ(y[0], HostTensor::of<std::int64_t>({2}, {-5, 9}));
}

TEST(Pointwise, RefusesMixedTypesAndShapesThatDoNotBroadcast) {
  EXPECT_THROW(
      runOperator("Add", {}, {HostTensor::of<float>({1}, {1}), HostTensor::of<std::int32_t>({1}, {1})}),
      Error);
  EXPECT_THROW(
      runOperator("Add", {}, {HostTensor(DataType::Float32, {2}), HostTensor(DataType::Float32, {3})}),
      Error);
  EXPECT_THROW(runOperator("Exp", {}, {HostTensor::of<std::int32_t>({1}, {1})}), Error);
  EXPECT_THROW(
      runOperator("And", {}, {HostTensor(DataType::Float32, {2}), HostTensor(DataType::Float32, {2})}),
      Error);
}

TEST(Where, PicksAndBroadcasts) {
  HostTensor condition(DataType::Bool, {2, 1});
  condition.setNumber(0, 1);
  const auto y = runOperator("Where", {},
                             {condition, HostTensor::of<float>({2}, {1, 2}), HostTensor::of<float>({}, {9})});
  EXPECT_EQ(y[0], HostTensor::of<float>({2, 2}, {1, 2, 9, 9}));
}

TEST(Cast, TruncatesSaturatesAndWraps) {
  EXPECT_EQ(runOperator("Cast", {{"to", std::string("i8")}},
                        {HostTensor::of<float>({4}, {-1.9f, 300, -300, 2.5f})})[0],
            HostTensor::of<std::int8_t>({4}, {-1, 127, -128, 2}));
  EXPECT_EQ(
      runOperator("Cast", {{"to", std::string("i8")}}, {HostTensor::of<std::int32_t>({2}, {300, -129})})[0],
      HostTensor::of<std::int8_t>({2}, {44, 127}));
  EXPECT_EQ(runOperator("Cast", {{"to", std::string("i64")}}, {HostTensor::of<float>({1}, {1e30f})})[0],
            HostTensor::of<std::int64_t>({1}, {std::numeric_limits<std::int64_t>::max()}));
}

TEST(PointwiseChain, ParsesPrintsAndEvaluates) {
  const std::string text = "t0=Add(x0,x1);t1=Mul(t0,0.5);t2=Clip(t1,alpha=0,beta=6)";
  const auto chain = PointwiseChain::parse(text);
  EXPECT_EQ(chain.text(), text);
  EXPECT_EQ(chain.inputCount(), 2);
  EXPECT_EQ(chain.evaluate(std::vector<double>{3, 5}), 4);
  EXPECT_EQ(chain.evaluate(std::vector<double>{30, 5}), 6);
  EXPECT_EQ(chain.evaluateSingle(std::vector<float>{-3, 1}), 0);
  EXPECT_EQ(PointwiseChain::parse("t0=Clip(x0,alpha=0)").text(), "t0=Clip(x0,alpha=0)");
}

TEST(PointwiseChain, IsBuiltFromLayers) {
  PointwiseChain chain;
  const auto sum = chain.append("Add", {ChainOperand::input(0), ChainOperand::input(1)});
  const auto act = chain.append("LeakyRelu", {sum}, {{"alpha", 0.25}});
  chain.append("Where", {ChainOperand::input(2), act, ChainOperand::constant(-1)});
  EXPECT_EQ(chain.text(), "t0=Add(x0,x1);t1=LeakyRelu(t0,alpha=0.25);t2=Where(x2,t1,-1)");
  EXPECT_EQ(PointwiseChain::parse(chain.text()), chain);
  EXPECT_EQ(chain.evaluate(std::vector<double>{-6, 2, 1}), -1);
  EXPECT_EQ(chain.evaluate(std::vector<double>{6, 2, 0}), -1);
  EXPECT_EQ(chain.evaluate(std::vector<double>{6, 2, 1}), 8);
}

TEST(PointwiseChain, RefusesWhatItCanNotMean) {
  for (const char* text : {"", "t0=Add(x0)", "t1=Relu(x0)", "t0=Relu(t0)", "t0=Nonsense(x0)", "t0=Relu(x0",
                           "t0=Relu(x0);", "t0=BitShiftLeft(x0,x1)", "t0=Relu(x0) ", "t0=Relu(x-1)"})
    EXPECT_THROW(PointwiseChain::parse(text), Error) << text;
  EXPECT_FALSE(fitsChain("BitShiftLeft"));
  EXPECT_FALSE(fitsChain("Convolution"));
  EXPECT_TRUE(fitsChain("Where"));
}

TEST(PointwiseChain, OperatorBroadcastsItsInputs) {
  const auto y =
      runOperator("Pointwise", {{"expression", std::string("t0=Mul(x0,x1);t1=Relu(t0)")}},
                  {HostTensor::of<float>({2, 2}, {1, -2, 3, -4}), HostTensor::of<float>({2, 1}, {10, -1})});
  EXPECT_EQ(y[0], HostTensor::of<float>({2, 2}, {10, 0, 0, 4}));
}

}  // namespace
}  // namespace tessera
