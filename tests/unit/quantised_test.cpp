// INT8 arithmetic of the references against hand-computed values.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/quantised.hpp"

namespace tessera {
namespace {

TEST(Encode, RoundsHalfToEvenAndClamps) {
  EXPECT_EQ(encode(0.5f, 1), 0);
  EXPECT_EQ(encode(1.5f, 1), 2);
  EXPECT_EQ(encode(-2.5f, 1), -2);
  EXPECT_EQ(encode(126.6f, 1), 127);
  EXPECT_EQ(encode(1e30f, 1), 127);
  EXPECT_EQ(encode(-128.0f, 1), -127);
  EXPECT_EQ(encode(-std::numeric_limits<float>::infinity(), 1), -127);
  EXPECT_EQ(encode(std::nanf(""), 1), 0);
  EXPECT_EQ(encode(0.25f, inverseScale(0.1f)), 2);  // 0.25 * float(1 / 0.1f) = 2.5 exactly: to even
}

std::vector<HostTensor> runOp(const std::string& op, Attributes attrs, std::vector<TensorDesc> descs,
                              std::vector<HostTensor> inputs) {
  const OpInstance instance = makeSample(op, std::move(attrs), std::move(descs));
  std::vector<HostTensor> outputs{HostTensor(instance.view.outputs[0].type, instance.view.outputs[0].shape)};
  operatorNamed(op).reference(instance.view, inputs, outputs);
  return outputs;
}

const TensorDesc kNone{};
TensorDesc codes(Shape shape) { return {DataType::Int8, std::move(shape), {}}; }

TEST(QConvolution, FollowsTheDefinition) {
  // 1x1, two input channels, one output: acc = 100*3 + (-50)*2 = 200; y = 200*0.01 + 0.25 = 2.25; + 10*0.1
  // = 3.25.
  const std::vector<TensorDesc> descs{
      codes({1, 2, 1, 1}), codes({1, 2, 1, 1}), f32({1}), codes({1, 1, 1, 1}), kNone, f32({1})};
  const std::vector<HostTensor> inputs{HostTensor::of<std::int8_t>({1, 2, 1, 1}, {100, -50}),
                                       HostTensor::of<std::int8_t>({1, 2, 1, 1}, {3, 2}),
                                       HostTensor::of<float>({1}, {0.25f}),
                                       HostTensor::of<std::int8_t>({1, 1, 1, 1}, {10}),
                                       {},
                                       HostTensor::of<float>({1}, {0.01f})};
  const Attributes attrs{{"residual_scale", 0.1}, {"activation", std::string("Relu")}};
  EXPECT_FLOAT_EQ(runOp("QConvolution", attrs, descs, inputs)[0].as<float>()[0], 3.25f);
  Attributes encoded = attrs;
  encoded.set("rate", 10.0);
  EXPECT_EQ(runOp("QConvolution", encoded, descs, inputs)[0].as<std::int8_t>()[0], 32);  // 32.5 to even
}

TEST(QConvolution, AccumulatorsWrapAround) {
  // 140,000 products of 127*127 exceed 2^31: the sum wraps as DP4A does.
  const std::int64_t n = 140000;
  const std::vector<HostTensor> inputs{
      HostTensor::of<std::int8_t>({1, n, 1, 1}, std::vector<std::int8_t>(n, 127)),
      HostTensor::of<std::int8_t>({1, n, 1, 1}, std::vector<std::int8_t>(n, 127)),
      {},
      {},
      {},
      HostTensor::of<float>({1}, {1.0f})};
  const auto y = runOp("QConvolution", {},
                       {codes({1, n, 1, 1}), codes({1, n, 1, 1}), kNone, kNone, kNone, f32({1})}, inputs);
  EXPECT_FLOAT_EQ(y[0].as<float>()[0],
                  static_cast<float>(static_cast<std::int32_t>(static_cast<std::uint32_t>(n * 127 * 127))));
}

TEST(QAveragePool, DividesByTheWindowInsideTheImage) {
  const Attributes attrs{{"mode", std::string("average")},
                         {"kernel", std::vector<std::int64_t>{2, 2}},
                         {"pads", std::vector<std::int64_t>{1, 1, 0, 0}},
                         {"scale", 0.5}};
  const auto y = runOp("QAveragePool", attrs, {codes({1, 1, 2, 2})},
                       {HostTensor::of<std::int8_t>({1, 1, 2, 2}, {4, 8, -2, 6})})[0];
  EXPECT_FLOAT_EQ(y.as<float>()[0], 2.0f);  // 4 * 0.5 / 1
  EXPECT_FLOAT_EQ(y.as<float>()[1], 3.0f);  // 12 * 0.5 / 2
  EXPECT_FLOAT_EQ(y.as<float>()[3], 2.0f);  // 16 * 0.5 / 4
}

TEST(QPointwise, DecodesComputesEncodes) {
  const Attributes attrs{
      {"expression", std::string("t0=Add(x0,x1)")}, {"scales", std::vector<double>{0.5, 0}}, {"rate", 2.0}};
  const auto y = runOp("QPointwise", attrs, {codes({1, 1, 1, 2}), f32({1, 1, 1, 2})},
                       {HostTensor::of<std::int8_t>({1, 1, 1, 2}, {3, -100}),
                        HostTensor::of<float>({1, 1, 1, 2}, {0.25f, -20})})[0];
  EXPECT_EQ(y.as<std::int8_t>()[0], 4);  // (1.5 + 0.25) * 2 = 3.5 to even
  EXPECT_EQ(y.as<std::int8_t>()[1], -127);
}

}  // namespace
}  // namespace tessera
