// The fp16 stage: what is kept in half precision, what stays in fp32 and why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "graph/evaluate.hpp"
#include "tessera/precision.hpp"

namespace tessera {
namespace {

using testing::HasSubstr;

HostTensor seededTensor(Shape shape, unsigned seed) {
  std::mt19937 random(seed);
  HostTensor t(DataType::Float32, std::move(shape));
  for (float& v : t.as<float>()) v = std::uniform_real_distribution<float>(-1, 1)(random);
  return t;
}

// x -> conv -> add a constant -> boxes are suppressed elsewhere -> y
struct Made {
  Graph graph;
  std::vector<LayerPrecision> report;
  const LayerPrecision& of(const std::string& layer) const {
    for (const auto& entry : report)
      if (entry.layer == layer) return entry;
    throw std::out_of_range(layer);
  }
  DataType typeOf(const char* tensor) const { return graph.tensor(graph.findTensor(tensor)).type; }
};

Graph network(float added) {
  Graph g;
  g.name = "net";
  const TensorId x = g.addInput("x", DataType::Float32, {1, 3, 6, 6});
  const TensorId w = g.addConstant("w", seededTensor({4, 3, 3, 3}, 1));
  const TensorId b = g.addConstant("b", seededTensor({4}, 2));
  const TensorId c = g.add("Convolution", "conv", {x, w, b}, {{"activation", std::string("Relu")}}, {"c"});
  const TensorId k = g.addConstant("k", HostTensor::of<float>({1}, {added}));
  g.markOutput(g.add("Add", "sum", {c, k}, {}, {"y"}));
  return g;
}

Made made(const Graph& g, const PrecisionOptions& options = {}) {
  Made m;
  m.graph = assignFp16(g, options, &m.report);
  return m;
}

TEST(Fp16, KeepsTensorsAndWeightsInHalfAndBindingsInFloat) {
  const Graph g = network(0.5f);
  const Made m = made(g);
  EXPECT_EQ(m.typeOf("x"), DataType::Float32);
  EXPECT_EQ(m.typeOf("w"), DataType::Float16);
  EXPECT_EQ(m.typeOf("b"), DataType::Float32) << "few, and added last";
  EXPECT_EQ(m.typeOf("c"), DataType::Float16);
  EXPECT_EQ(m.typeOf("y"), DataType::Float32);
  ASSERT_EQ(m.report.size(), 2u);
  for (const auto& layer : m.report) EXPECT_EQ(layer.precision, Precision::Fp16) << layer.layer;
  EXPECT_DOUBLE_EQ(m.of("conv").multiplyAdds, 4.0 * 3 * 9 * 16);
  const HostTensor x = seededTensor({1, 3, 6, 6}, 3);
  const auto exact = evaluate(g, {{"x", x}})[0], half = evaluate(m.graph, {{"x", x}})[0];
  ASSERT_EQ(half.type, DataType::Float32);
  double worst = 0;
  for (std::int64_t i = 0; i < exact.size(); ++i)
    worst = std::max(worst, std::abs(exact.number(i) - half.number(i)));
  EXPECT_GT(worst, 0);
  EXPECT_LT(worst, 8e-3);
}

TEST(Fp16, LayersWhoseConstantsHalfCannotHoldStayInFp32) {
  for (const float beyond : {1e6f, -7e4f, 1e-9f, -3e-5f}) {
    const Made m = made(network(beyond));
    EXPECT_EQ(m.of("sum").precision, Precision::Fp32) << beyond;
    EXPECT_THAT(m.of("sum").reason, HasSubstr("'k'")) << beyond;
    EXPECT_EQ(m.of("conv").precision, Precision::Fp16) << beyond;
    EXPECT_EQ(m.graph.tensor(m.graph.findTensor("k")).type, DataType::Float32);
  }
  for (const float held : {0.0f, 65504.0f, 7e-5f, std::numeric_limits<float>::infinity(), std::nanf("")})
    EXPECT_EQ(made(network(held)).of("sum").precision, Precision::Fp16) << held;
}

TEST(Fp16, ConstantsOfChainsThatHalfCannotHoldStayFloatsBesideHalf) {
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 2, 3, 3});
  const TensorId tiny = g.addConstant("tiny", HostTensor::of<float>({2, 1, 1}, {1e-6f, 2}));
  const TensorId plain = g.addConstant("plain", HostTensor::of<float>({2, 1, 1}, {1, 2}));
  g.markOutput(g.add("Pointwise", "chain", {x, tiny, plain},
                     {{"expression", std::string("t0=Mul(x0,x1);t1=Add(t0,x2)")}}, {"y"}));
  const Made m = made(g);
  EXPECT_EQ(m.of("chain").precision, Precision::Fp16);
  EXPECT_EQ(m.typeOf("tiny"), DataType::Float32);
  EXPECT_EQ(m.typeOf("plain"), DataType::Float16);
}

// Rows of nothing but masked scores would be infinities in half, and NaN behind the softmax.
TEST(Fp16, WhatAMaskWasAddedToStaysInFp32) {
  Graph g;
  const TensorId scores = g.addInput("scores", DataType::Float32, {1, 2, 3, 4});
  const TensorId allowed = g.addInput("allowed", DataType::Bool, {1, 1, 3, 4});
  const TensorId zero = g.addConstant("zero", HostTensor::scalar(0)),
                 never = g.addConstant("never", HostTensor::scalar(std::numeric_limits<float>::lowest()));
  const TensorId mask = g.add("Where", "mask", {allowed, zero, never});
  const TensorId turned =
      g.add("Transpose", "turned", {mask}, {{"perm", std::vector<std::int64_t>{0, 1, 2, 3}}});
  const TensorId masked = g.add("Add", "masked", {g.add("Neg", "before", {scores}), turned});
  const TensorId weights = g.add("Softmax", "weights", {masked}, {{"axis", std::int64_t{3}}});
  g.markOutput(g.add("Neg", "after", {weights}));
  const Made m = made(g);
  for (const char* layer : {"mask", "turned", "masked", "weights"})
    EXPECT_EQ(m.of(layer).precision, Precision::Fp32) << layer;
  for (const char* layer : {"before", "after"}) EXPECT_EQ(m.of(layer).precision, Precision::Fp16) << layer;
  EXPECT_THAT(m.of("weights").reason, HasSubstr("masked"));
}

TEST(Fp16, TinyWeightsAreNoReasonForFp32) {
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 8});
  g.markOutput(g.add("FullyConnected", "fc",
                     {x, g.addConstant("w", HostTensor::of<float>({1, 8}, {1, 1e-6f, 1, 1, 1, 1, 1, 0}))}));
  EXPECT_EQ(made(g).of("fc").precision, Precision::Fp16);
}

TEST(Fp16, OptionsKeepLayersInFp32) {
  const Graph g = network(0.5f);
  const Made named = made(g, {{"conv"}, false});
  EXPECT_EQ(named.of("conv").precision, Precision::Fp32);
  EXPECT_THAT(named.of("conv").reason, HasSubstr("option"));
  EXPECT_EQ(named.typeOf("w"), DataType::Float32);
  EXPECT_EQ(named.of("sum").precision, Precision::Fp16);
  EXPECT_EQ(made(g, {{}, true}).of("conv").precision, Precision::Fp32);
  try {
    made(g, {{"cone"}, false});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::InvalidArgument);
    EXPECT_THAT(e.what(), HasSubstr("cone"));
  }
}

TEST(Fp16, OperatorsWithoutHalfGetFloats) {
  Graph g;
  const TensorId boxes = g.addInput("boxes", DataType::Float32, {1, 60, 4});
  const TensorId scores = g.addInput("scores", DataType::Float32, {1, 1, 60});
  const TensorId sure = g.add("Sigmoid", "sure", {scores}, {}, {"sure"});
  const Layer nms =
      g.addLayer("NonMaxSuppression", "nms", {boxes, sure}, {{"max_output_boxes_per_class", 3}});
  for (const TensorId id : nms.outputs) g.markOutput(id);
  const Made m = made(g);
  EXPECT_EQ(m.of("sure").precision, Precision::Fp16);
  EXPECT_EQ(m.of("nms").precision, Precision::Fp32);
  EXPECT_THAT(m.of("nms").reason, HasSubstr("NonMaxSuppression"));
}

TEST(Fp16, CastsOfBytesGiveHalf) {
  Graph g;
  const TensorId i = g.addInput("i", DataType::Int8, {40});
  const TensorId f = g.add("Cast", "cast", {i}, {{"to", std::string("f32")}}, {"f"});
  g.markOutput(g.add("Relu", "relu", {f}, {}, {"y"}));
  EXPECT_EQ(made(g).typeOf("f"), DataType::Float16);
}

// Sums of codes, times scales so small that half has no digits for them.
TEST(Fp16, WideIntegersAndComputedScalesStayInFp32) {
  Graph g;
  const TensorId i = g.addInput("i", DataType::Int32, {40});
  const TensorId x = g.addInput("x", DataType::Float32, {40});
  const TensorId sums = g.add("Cast", "cast", {i}, {{"to", std::string("f32")}}, {"sums"});
  const TensorId high = g.add("Reduce", "high", {x}, {{"mode", std::string("max")}}, {"h"});
  const TensorId scale = g.add("Affine", "scale", {high}, {{"alpha", 1e-7}, {"beta", 0.0}}, {"s"});
  g.markOutput(g.add("Mul", "product", {sums, scale}, {}, {"y"}));
  g.markOutput(g.add("Mul", "small", {x, scale}, {}, {"z"}));
  const Made m = made(g);
  EXPECT_THAT(m.of("cast").reason, HasSubstr("cannot hold every integer"));
  EXPECT_EQ(m.of("product").precision, Precision::Fp32);
  EXPECT_THAT(m.of("scale").reason, HasSubstr("few numbers"));
  EXPECT_EQ(m.of("small").precision, Precision::Fp16) << "a scale in f32 stands beside half";
  HostTensor wide(DataType::Int32, {40});
  for (std::int64_t k = 0; k < 40; ++k) wide.setNumber(k, static_cast<double>(100'000 * (k - 20) + 1));
  const HostTensor given = seededTensor({40}, 5);
  const auto exact = evaluate(g, {{"i", wide}, {"x", given}})[0];
  const auto half = evaluate(m.graph, {{"i", wide}, {"x", given}})[0];
  for (std::int64_t k = 0; k < 40; ++k)
    EXPECT_NEAR(half.number(k), exact.number(k), 1e-3 * std::abs(exact.number(k))) << k;
}

// x / sqrt(mean of squares), written out: squares of 300 and sums of many smaller ones are beyond half's
// range.
TEST(Fp16, NormsThatAreWrittenOutKeepTheirSums) {
  for (const bool mean : {true, false}) {
    Graph g;
    const TensorId x = g.addInput("x", DataType::Float32, {2, 400});
    const TensorId doubled = g.add("Affine", "double", {x}, {{"alpha", 2.0}, {"beta", 0.0}}, {"d"});
    const TensorId squares = g.add("Mul", "squares", {doubled, doubled}, {}, {"q"});
    const TensorId sums = g.add("Reduce", "sums", {squares},
                                {{"mode", std::string(mean ? "mean" : "sum")},
                                 {"axes", std::vector<std::int64_t>{1}},
                                 {"keepdims", std::int64_t{1}}},
                                {"s"});
    const TensorId root = g.add("Sqrt", "root", {sums}, {}, {"r"});
    g.markOutput(g.add("Div", "normal", {doubled, root}, {}, {"y"}));
    const Made m = made(g);
    EXPECT_EQ(m.of("double").precision, Precision::Fp16);
    EXPECT_EQ(m.of("sums").precision, Precision::Fp32);
    EXPECT_EQ(m.of("normal").precision, Precision::Fp16) << "sums stand in f32 beside half";
    HostTensor given = seededTensor({2, 400}, 7);
    for (float& v : given.as<float>()) v *= 400;
    const auto exact = evaluate(g, {{"x", given}})[0], half = evaluate(m.graph, {{"x", given}})[0];
    for (std::int64_t k = 0; k < exact.size(); ++k)
      ASSERT_NEAR(half.number(k), exact.number(k), 2e-3 * (1 + std::abs(exact.number(k)))) << k;
  }
}

}  // namespace
}  // namespace tessera
