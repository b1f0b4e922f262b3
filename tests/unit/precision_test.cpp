// The precision stage: which layers become INT8, shared scales, what the quantised graph computes.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "graph/evaluate.hpp"
#include "lower/precision.hpp"

namespace tessera {
namespace {

HostTensor randomTensor(Shape shape, unsigned seed, float span = 1) {
  std::mt19937 random(seed);
  HostTensor t(DataType::Float32, std::move(shape));
  for (float& v : t.as<float>()) v = std::uniform_real_distribution<float>(-span, span)(random);
  return t;
}

// conv1 -> relu (fused) -> {conv2, conv3} -> concat -> conv4
Graph network() {
  Graph g;
  g.name = "net";
  const auto conv = [&](const char* name, TensorId x, Shape w, unsigned seed) {
    return g.add("Convolution", name,
                 {x, g.addConstant(std::string(name) + ".w", randomTensor(w, seed, 0.3f)),
                  g.addConstant(std::string(name) + ".b", randomTensor({w[0]}, seed + 50, 0.2f))},
                 {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}, {"activation", std::string("Relu")}});
  };
  const TensorId x = g.addInput("x", DataType::Float32, {1, 3, 8, 8});
  const TensorId a = conv("conv1", x, {8, 3, 3, 3}, 1);
  const TensorId b = conv("conv2", a, {4, 8, 3, 3}, 2), c = conv("conv3", a, {5, 8, 3, 3}, 3);
  const TensorId cat = g.add("Concat", "cat", {b, c}, {{"axis", 1}});
  g.markOutput(conv("conv4", cat, {6, 9, 3, 3}, 4));
  return g;
}

Calibration calibrationOf(const Graph& g, const HostTensor& x) {
  Calibration calibration;
  for (const auto& name : tensorsToCalibrate(g)) {
    const auto value = evaluateTensors(g, {{"x", x}}, {g.findTensor(name)})[0];
    float top = 0;
    for (const float v : value.as<float>()) top = std::max(top, std::abs(v));
    calibration.scales[name] = top / 127;
  }
  return calibration;
}

TEST(Precision, RunsEveryConvolutionInInt8AndStaysCloseToFloat) {
  const Graph g = network();
  const HostTensor x = randomTensor({1, 3, 8, 8}, 9);
  std::vector<LayerPrecision> report;
  const Graph q = assignInt8(g, calibrationOf(g, x), {}, &report);
  int computed = 0;
  for (const auto& layer : q.layers()) computed += layer.op == "QConvolution";
  EXPECT_EQ(computed, 4);
  EXPECT_EQ(report.size(), g.layers().size());
  EXPECT_DOUBLE_EQ(report[0].multiplyAdds, 8.0 * 3 * 9 * 64);
  const auto exact = evaluate(g, {{"x", x}})[0], coded = evaluate(q, {{"x", x}})[0];
  double worst = 0, top = 0;
  for (std::int64_t i = 0; i < exact.size(); ++i) {
    worst = std::max(worst, std::abs(exact.number(i) - coded.number(i)));
    top = std::max(top, std::abs(exact.number(i)));
  }
  EXPECT_LT(worst, 0.05 * top);
  EXPECT_GT(worst, 0) << "nothing was quantised";
}

TEST(Precision, ConcatSharesTheLargestScale) {
  const Graph g = network();
  Calibration calibration = calibrationOf(g, randomTensor({1, 3, 8, 8}, 9));
  calibration.scales["conv2"] = 0.5f;
  const Int8Plan plan = planInt8(g, calibration, {});
  for (const char* name : {"conv2", "conv3", "cat"}) EXPECT_EQ(plan.scales[g.findTensor(name)], 0.5f) << name;
  EXPECT_TRUE(plan.coded[g.findTensor("cat")]);
  EXPECT_FALSE(plan.coded[g.findTensor("conv4")]) << "a graph output stays in floats";
}

TEST(Precision, KeepsLayersByNameAndSaysWhy) {
  const Graph g = network();
  const Calibration calibration = calibrationOf(g, randomTensor({1, 3, 8, 8}, 9));
  std::vector<LayerPrecision> report;
  const Graph q = assignInt8(g, calibration, {{"conv2"}, true}, &report);
  EXPECT_FALSE(report[0].int8);
  EXPECT_EQ(report[1].reason, "kept fp32 by option");
  EXPECT_TRUE(report[2].int8);
  EXPECT_FALSE(report[4].int8);
  EXPECT_THROW(assignInt8(g, calibration, {{"no such layer"}, false}), Error);
}

TEST(Precision, RefusesBadScales) {
  const Graph g = network();
  for (const float bad : {0.0f, -1.0f, INFINITY, NAN}) {
    Calibration calibration = calibrationOf(g, randomTensor({1, 3, 8, 8}, 9));
    calibration.scales["conv1"] = bad;
    try {
      assignInt8(g, calibration, {});
      ADD_FAILURE() << "accepted " << bad;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::BadCache);
      EXPECT_NE(std::string(e.what()).find("conv1"), std::string::npos);
    }
  }
  Calibration missing = calibrationOf(g, randomTensor({1, 3, 8, 8}, 9));
  missing.scales.erase("x");
  EXPECT_THROW(assignInt8(g, missing, {}), Error);
}

TEST(EncodeWeights, OneScalePerOutputChannel) {
  // Deconvolution weights [C=2, K/group=1] with two groups: channels are numbered group by group.
  const auto coded = encodeWeights(HostTensor::of<float>({2, 1, 1, 2}, {1, -2, 0, 0}), 1, 2);
  EXPECT_EQ(coded.scales, (std::vector<float>{2.0f / 127, 1.0f}));
  EXPECT_EQ(coded.codes.as<std::int8_t>()[1], -127);
  EXPECT_EQ(coded.codes.as<std::int8_t>()[0], 64);  // 63.5 rounded to even
}

}  // namespace
}  // namespace tessera
