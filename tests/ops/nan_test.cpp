// NaN passes through activations, minima, maxima and pools as ONNX and IEEE 754 want, alone and fused; INT8
// codes make it 0.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "launch/op_runner.hpp"
#include "ops/quantised.hpp"
#include "tessera/context.hpp"
#include "tests/ops/run_operator.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
using List = std::vector<std::int64_t>;

// Numbers with a NaN in every seventh place.
HostTensor spoiled(const Shape& shape) {
  HostTensor t(DataType::Float32, shape);
  const auto values = t.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = i % 7 == 3 ? kNan : static_cast<float>(static_cast<int>(i * 5 % 13) - 6) / 2;
  return t;
}

// Every family that runs the layer on the device gives numbers and NaNs where the reference does.
void expectAsReference(const std::string& op, const Attributes& attrs, const std::vector<HostTensor>& inputs,
                       const std::vector<bool>& constants = {}) {
  std::vector<TensorDesc> descs;
  for (const auto& input : inputs) descs.push_back({input.type, input.shape, {}});
  const OpView view = makeSample(op, attrs, descs, {}, constants).view;
  const auto expected = test::referenceOutputs(view, inputs);
  const Device& device = test::device();
  for (const KernelFamily* family : familiesFor(op)) {
    if (family->usesLibrary()) continue;
    for (const BlockChoice& choice : family->blockChoices(view, device.caps())) {
      const OpView laid = withBlocks(view, choice);
      if (!family->applies(laid, device.caps())) continue;
      SCOPED_TRACE(std::string(family->id().name) + " " + laid.text());
      const Tactic tactic = family->fallback(family->problem(laid), device.caps());
      std::vector<bool> constant(inputs.size(), false);
      std::copy(constants.begin(), constants.end(), constant.begin());
      const auto results = OpRunner(device, *family, laid, tactic, inputs, constant).run();
      for (std::size_t o = 0; o < results.size(); ++o)
        for (std::int64_t i = 0; i < results[o].size(); ++i) {
          const double got = results[o].number(i), wanted = expected[o].number(i);
          ASSERT_EQ(std::isnan(got), std::isnan(wanted)) << "output " << o << " element " << i << ": " << got;
          if (!std::isnan(wanted)) {
            ASSERT_NEAR(got, wanted, 1e-4 * std::max(1.0, std::fabs(wanted)))
                << "output " << o << " element " << i;
          }
        }
    }
  }
}

bool nanAt(const std::vector<HostTensor>& outputs, std::int64_t i) {
  return std::isnan(outputs.at(0).number(i));
}

TEST(Nan, PassesThroughActivations) {
  const HostTensor x = spoiled({1, 19, 5, 7});
  const std::pair<const char*, Attributes> cases[] = {{"Relu", {}},
                                                      {"LeakyRelu", {{"alpha", 0.1}}},
                                                      {"Clip", {{"alpha", -1.0}, {"beta", 1.5}}},
                                                      {"Clip", {{"alpha", 0.0}}},
                                                      {"HardSigmoid", {}},
                                                      {"HardSwish", {}},
                                                      {"Elu", {}},
                                                      {"Selu", {}},
                                                      {"Softplus", {}},
                                                      {"Sign", {}},
                                                      {"Abs", {}}};
  for (const auto& [op, attrs] : cases) {
    SCOPED_TRACE(op);
    const auto y = test::runOperator(op, attrs, {x});
    for (std::int64_t i = 0; i < x.size(); ++i) ASSERT_EQ(nanAt(y, i), i % 7 == 3) << i;
    expectAsReference(op, attrs, {x});
  }
  expectAsReference("PRelu", {}, {x, HostTensor::of<float>({19, 1, 1}, std::vector<float>(19, 0.25f))});
}

TEST(Nan, OfEitherOperandIsTheMinimumAndTheMaximum) {
  HostTensor a = spoiled({2, 30}), b = spoiled({2, 30});
  for (std::int64_t i = 0; i < b.size(); ++i)
    b.setNumber(i, i % 5 == 1 ? kNan : static_cast<double>(i % 4) - 2);
  for (const char* op : {"Min", "Max"}) {
    SCOPED_TRACE(op);
    const auto y = test::runOperator(op, {}, {a, b});
    for (std::int64_t i = 0; i < a.size(); ++i) ASSERT_EQ(nanAt(y, i), i % 7 == 3 || i % 5 == 1) << i;
    expectAsReference(op, {}, {a, b});
  }
}

TEST(Nan, PassesThroughTheEpilogueOfConvolutions) {
  const HostTensor x = spoiled({1, 16, 6, 6}),
                   w = test::fillInputs(
                       makeSample("Convolution", {}, {f32({1, 16, 6, 6}), f32({16, 16, 1, 1})}), 1)[1];
  const std::pair<const char*, Attributes> cases[] = {{"Relu", {}},
                                                      {"Clip", {{"alpha", 0.0}, {"beta", 6.0}}}};
  for (const auto& [activation, constants] : cases) {
    SCOPED_TRACE(activation);
    Attributes attrs = constants;
    attrs.set("activation", std::string(activation));
    const auto y = test::runOperator("Convolution", attrs, {x, w});
    EXPECT_TRUE(nanAt(y, 3)) << "every pixel has a channel that is no number";
    expectAsReference("Convolution", attrs, {x, w}, {false, true});
  }
  expectAsReference("Pointwise",
                    {{"expression", std::string("t0=Add(x0,1);t1=Relu(t0);t2=Min(t1,2.5);t3=Max(t2,x0)")}},
                    {x});
}

TEST(Nan, IsTheMaximumOfWindowsAndReductions) {
  const HostTensor x = spoiled({1, 19, 9, 40});
  HostTensor rare = spoiled({1, 16, 6, 40});
  for (std::int64_t i = 0; i < rare.size(); ++i)
    rare.setNumber(i, i % 240 == 77 ? kNan : static_cast<double>(i * 7 % 11));
  const Attributes window{{"kernel", List{3, 3}}, {"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}};
  for (const HostTensor& image : {x, rare}) {
    expectAsReference("Pool", window, {image});
    expectAsReference("Pool", {{"kernel", List{2, 2}}, {"strides", List{2, 2}}, {"indices", 1}}, {image});
    expectAsReference("GlobalPool", {{"mode", std::string("max")}}, {image});
    EXPECT_TRUE(nanAt(test::runOperator("GlobalPool", {{"mode", std::string("max")}}, {image}), 0));
    for (const char* mode : {"max", "min", "log_sum_exp", "sum"}) {
      SCOPED_TRACE(mode);
      const Attributes attrs{{"mode", std::string(mode)}, {"axes", List{2, 3}}};
      EXPECT_TRUE(nanAt(test::runOperator("Reduce", attrs, {image}), 0));
      expectAsReference("Reduce", attrs, {image});
    }
  }
}

TEST(Nan, IsWhereTheFirstExtremeIs) {
  const HostTensor x =
      HostTensor::of<float>({4, 4}, {kNan, 1, 2, 3, 1, kNan, 2, kNan, 1, 2, 3, kNan, 4, 3, 2, 1});
  const auto indices = [&](const char* mode, std::int64_t last) {
    const Attributes attrs{{"axis", 1}, {"mode", std::string(mode)}, {"select_last", last}};
    expectAsReference("ArgReduce", attrs, {x});
    const auto y = test::runOperator("ArgReduce", attrs, {x});
    return std::vector(y[0].as<std::int64_t>().begin(), y[0].as<std::int64_t>().end());
  };
  EXPECT_EQ(indices("max", 0), (std::vector<std::int64_t>{0, 1, 3, 0}));  // as numpy's argmax
  EXPECT_EQ(indices("min", 0), (std::vector<std::int64_t>{0, 1, 3, 3}));
  EXPECT_EQ(indices("max", 1), (std::vector<std::int64_t>{0, 3, 3, 0}));
}

TEST(Nan, RanksAboveEveryNumber) {
  const HostTensor x = HostTensor::of<float>({2, 5}, {1, kNan, 3, kNan, 2, 5, 4, kNan, 3, 2});
  for (const std::int64_t largest : {1, 0}) {
    const Attributes attrs{{"axis", 1}, {"k", 3}, {"largest", largest}};
    const auto y = test::runOperator("TopK", attrs, {x});
    const auto at = y[1].as<std::int64_t>();
    EXPECT_EQ(std::vector(at.begin(), at.begin() + 3),
              largest ? (std::vector<std::int64_t>{1, 3, 2}) : (std::vector<std::int64_t>{0, 4, 2}));
    expectAsReference("TopK", attrs, {x});
  }
}

TEST(Nan, HasTheCodeZero) {
  EXPECT_EQ(encode(kNan, 10), 0);
  const HostTensor x = spoiled({1, 16, 4, 4});
  const auto codes = test::runOperator("Reformat", {{"to", std::string("i8")}, {"scale", 0.1}}, {x});
  EXPECT_EQ(codes[0].number(3), 0);
  expectAsReference("Reformat", {{"to", std::string("i8")}, {"scale", 0.1}}, {x});
}

// Bounds may be taken behind the product with the rate, where NaN and infinity must come out as before it.
TEST(Nan, HasTheCodeZeroBehindActivationsThatAreBounds) {
  HostTensor x(DataType::Int8, {1, 16, 4, 5}), weights(DataType::Int8, {16, 16, 1, 1});
  for (std::int64_t i = 0; i < x.size(); ++i) x.setNumber(i, static_cast<double>(i * 37 % 255 - 127));
  for (std::int64_t i = 0; i < weights.size(); ++i)
    weights.setNumber(i, static_cast<double>(i * 53 % 255 - 127));
  const HostTensor bias = HostTensor::of<float>({16}, std::vector<float>(16, 0.25f)),
                   multiplier = HostTensor::of<float>({16}, std::vector<float>(16, 1e-4f));
  HostTensor residual = spoiled({1, 16, 4, 5});
  for (std::int64_t i = 0; i < residual.size(); i += 11)
    residual.as<float>()[static_cast<std::size_t>(i)] = i % 2 ? INFINITY : -INFINITY;
  residual.as<float>()[5] = std::bit_cast<float>(0x7fc00055u);
  const Attributes quantised{{"rate", 20.0}};
  for (const auto& [alpha, beta] : {std::pair{0.0, 1.23}, {0.0, -1.0}}) {
    Attributes attrs = quantised;
    attrs.set("activation", std::string("Clip"));
    attrs.set("alpha", alpha), attrs.set("beta", beta);
    expectAsReference("QConvolution", attrs, {x, weights, bias, residual, {}, multiplier},
                      {false, true, true, false, false, true});
  }
  Attributes attrs = quantised;
  attrs.set("activation", std::string("Relu"));
  expectAsReference("QConvolution", attrs, {x, weights, bias, residual, {}, multiplier},
                    {false, true, true, false, false, true});
}

}  // namespace
}  // namespace tessera
