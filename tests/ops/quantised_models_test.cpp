// Models that others quantised, on the devices: exact sums of integers, and the model's own codes in INT8.
#include <gtest/gtest.h>

#include <random>

#include "clkernels/family.hpp"
#include "graph/evaluate.hpp"
#include "lower/explicit_codes.hpp"
#include "lower/qdq.hpp"
#include "tessera/context.hpp"
#include "tessera/passes.hpp"
#include "tests/support/devices.hpp"

namespace tessera {
namespace {

using namespace test;
using Ints = std::vector<std::int64_t>;

HostTensor integers(DataType type, Shape shape, int low, int high, unsigned seed) {
  HostTensor t(type, std::move(shape));
  std::mt19937 random(seed);
  for (std::int64_t i = 0; i < t.size(); ++i)
    t.setNumber(i, std::uniform_int_distribution<int>(low, high)(random));
  return t;
}

// 432 products up to 32,385: sums just below 2^24, which every order of adding keeps.
TEST(QuantisedModels, SumsOfIntegersAreExact) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 48, 9, 9});
  const TensorId w = graph.addConstant("w", integers(DataType::Float32, {16, 48, 3, 3}, 100, 127, 2));
  graph.markOutput(graph.add("Convolution", "sums", {x, w}, {{"pads", Ints{1, 1, 1, 1}}, {"exact_sums", 1}}));
  const TensorMap inputs{{"x", integers(DataType::Float32, {1, 48, 9, 9}, 200, 255, 1)}};
  const auto expected = evaluate(graph, inputs)[0];
  for (const Device& device : devices()) {
    Context context(Engine::build(graph, device, {}));
    EXPECT_EQ(context.run(inputs).at("sums").data, expected.data) << device.caps().name;
  }
}

// Transforms add and multiply fractions: tuning must not offer them such layers.
TEST(QuantisedModels, NoTransformTakesSumsThatHaveToBeExact) {
  int families = 0;
  for (const KernelFamily* family : allFamilies()) {
    if (family->id().name.find("winograd") == std::string_view::npos) continue;
    ++families;
    for (OpInstance sample : family->samples()) {
      sample.view.attrs.set("exact_sums", 1);
      const Verdict verdict = family->applies(sample.view, device().caps());
      EXPECT_NE(verdict.why.find("exact"), std::string::npos) << family->id().name << ": " << verdict.why;
    }
  }
  EXPECT_EQ(families, 3);
}

struct Model {
  Graph g;
  TensorId pair(TensorId from, const std::string& name, float scale, DataType type, int zero) {
    HostTensor point(type, {});
    point.setNumber(0, zero);
    const TensorId s = g.addConstant(name + ".s", HostTensor::scalar(scale)),
                   z = g.addConstant(name + ".z", point);
    const TensorId codes =
        g.add("Quantize", name + ".q", {from, s, z}, {{"to", std::string(toString(type))}});
    return g.add("Dequantize", name, {codes, s, z});
  }
  TensorId weights(const std::string& name, Shape shape) {
    const TensorId codes =
        g.addConstant(name + ".codes", integers(DataType::Int8, std::move(shape), -127, 127, 5));
    return g.add("Dequantize", name, {codes, g.addConstant(name + ".s", HostTensor::scalar(0.0021f))});
  }
};

// Integer kernels between the model's own pairs, floats around those that have no symmetric codes.
TEST(QuantisedModels, TheirOwnCodesInInt8) {
  Model m;
  const TensorId x =
      m.pair(m.g.addInput("x", DataType::Float32, {1, 8, 9, 9}), "xd", 0.0317f, DataType::Int8, 0);
  const Attributes padded{{"pads", Ints{1, 1, 1, 1}}};
  const TensorId a =
      m.g.add("Relu", "a", {m.g.add("Convolution", "conv", {x, m.weights("w", {8, 8, 3, 3})}, padded)});
  const TensorId sum = m.g.add("Add", "sum", {m.pair(a, "ad", 0.0417f, DataType::UInt8, 128), x});
  const TensorId relu = m.pair(sum, "rd", 0.0123f, DataType::UInt8, 0);
  const TensorId up = m.g.add("Deconvolution", "up",
                              {m.pair(relu, "ud", 0.0271f, DataType::Int8, 0), m.weights("v", {8, 5, 2, 2})},
                              {{"strides", Ints{2, 2}}});
  m.g.markOutput(m.pair(up, "y", 0.0531f, DataType::Int8, 0));
  const TensorMap inputs{{"x", [] {
                            HostTensor t = integers(DataType::Float32, {1, 8, 9, 9}, -3000, 3000, 3);
                            for (float& v : t.as<float>()) v *= 0.001f;
                            return t;
                          }()}};
  const auto written = evaluate(m.g, inputs)[0];
  for (const Device& device : devices()) {
    EngineOptions options;
    options.precision = Precision::Int8;
    const auto engine = Engine::build(m.g, device, options);
    int integers = 0;
    for (const LayerInfo& layer : engine->layers())
      integers += layer.op == "QConvolution" || layer.op == "QDeconvolution";
    EXPECT_EQ(integers, 2) << engine->text();
    for (const LayerPrecision& layer : engine->precisions()) {
      if (layer.layer != "rd.q") continue;
      EXPECT_NE(layer.reason.find("zero point 0"), std::string::npos) << layer.reason;
    }
    Context context(engine);
    const TensorMap got = context.run(inputs);
    ASSERT_TRUE(got.count("y"));
    std::int64_t off = 0;
    for (std::int64_t i = 0; i < written.size(); ++i) {
      EXPECT_NEAR(got.at("y").number(i), written.number(i), 0.0532) << i;
      off += std::abs(got.at("y").number(i) - written.number(i)) > 1e-4;
    }
    EXPECT_LE(off * 50, written.size());
  }
}

}  // namespace
}  // namespace tessera
