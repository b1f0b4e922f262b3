// Models that carry QuantizeLinear / DequantizeLinear: scales taken, codes kept.
#include "lower/qdq.hpp"

#include <gtest/gtest.h>

#include "graph/evaluate.hpp"
#include "tessera/passes.hpp"

namespace tessera {
namespace {

HostTensor scalar(float v) { return HostTensor::of<float>({1}, {v}); }

// x -> Q -> DQ -> conv(DQ(codes)) -> Relu -> Q -> DQ -> conv2 (float weights)
Graph network(DataType type, int zero) {
  Graph g;
  g.name = "qdq";
  const auto pair = [&](TensorId x, const std::string& name, float scale) {
    HostTensor point(type, {1});
    point.setNumber(0, zero);
    const TensorId s = g.addConstant(name + ".s", scalar(scale)), z = g.addConstant(name + ".z", point);
    return g.add("Dequantize", name + ".dq", {g.add("Quantize", name + ".q", {x, s, z}), s, z});
  };
  const TensorId x = g.addInput("x", DataType::Float32, {1, 2, 3, 3});
  const TensorId codes =
      g.addConstant("w.codes", HostTensor::of<std::int8_t>({2, 2, 1, 1}, {10, -20, 100, 7}));
  const TensorId w =
      g.add("Dequantize", "w", {codes, g.addConstant("w.s", HostTensor::of<float>({2}, {0.5f, 0.01f}))},
            {{"axis", 0}});
  const TensorId y = g.add("Relu", "relu", {g.add("Convolution", "conv", {pair(x, "x", 0.02f), w})});
  const TensorId w2 = g.addConstant("w2", HostTensor::of<float>({1, 2, 1, 1}, {1, -1}));
  g.markOutput(g.add("Convolution", "conv2", {pair(y, "y", 0.1f), w2}));
  return g;
}

TEST(Qdq, TakesScalesAndKeepsWeightCodes) {
  Graph g = network(DataType::Int8, 0);
  const auto calibration = takeQdq(g);
  ASSERT_TRUE(calibration);
  EXPECT_FLOAT_EQ(calibration->scales.at("x"), 0.02f);
  EXPECT_FLOAT_EQ(calibration->scales.at("relu"), 0.1f);
  EXPECT_EQ(calibration->weightScales.at("conv"), (std::vector<float>{0.5f, 0.01f}));
  EXPECT_TRUE(calibration->floatLayers.count("conv2")) << "its weights are floats in the model";
  for (const auto& layer : g.layers()) EXPECT_NE(layer.op, "Quantize");
  optimize(g);
  std::vector<LayerPrecision> report;
  const Graph q = assignInt8(g, *calibration, {}, &report);
  bool seen = false;
  for (const auto& layer : q.layers())
    if (layer.op == "QConvolution") {
      seen = true;
      const auto codes = q.tensor(layer.inputs[1]).constant->as<std::int8_t>();
      EXPECT_EQ(std::vector<int>(codes.begin(), codes.end()), (std::vector<int>{10, -20, 100, 7}));
    }
  EXPECT_TRUE(seen);
}

TEST(Qdq, GivesTheSimulatedNetworksValues) {
  const Graph simulated = network(DataType::Int8, 0);
  HostTensor x(DataType::Float32, {1, 2, 3, 3});
  for (std::int64_t i = 0; i < x.size(); ++i) x.setNumber(i, 0.13 * static_cast<double>(i) - 1.1);
  const auto expected = evaluate(simulated, {{"x", x}})[0];
  Graph g = simulated;
  const auto calibration = *takeQdq(g);
  optimize(g);
  const auto actual = evaluate(assignInt8(g, calibration, {}), {{"x", x}})[0];
  for (std::int64_t i = 0; i < actual.size(); ++i)
    EXPECT_NEAR(actual.number(i), expected.number(i), 0.011 * 10) << i;
}

TEST(Qdq, MapsUnsignedCodesOrSaysWhyNot) {
  Graph centred = network(DataType::UInt8, 128);
  EXPECT_FLOAT_EQ(takeQdq(centred)->scales.at("x"), 0.02f);
  Graph positive = network(DataType::UInt8, 0);
  EXPECT_FLOAT_EQ(takeQdq(positive)->scales.at("x"), 0.02f * 255 / 127);
  Graph odd = network(DataType::UInt8, 97);
  EXPECT_THROW(takeQdq(odd), Error);
}

}  // namespace
}  // namespace tessera
