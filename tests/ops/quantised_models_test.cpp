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
    if (family->id().name.starts_with("q_")) continue;  // integers: exact
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

// Integer kernels between the model's own pairs, whatever their zero points are.
TEST(QuantisedModels, TheirOwnCodesInInt8) {
  Model m;
  const TensorId x =
      m.pair(m.g.addInput("x", DataType::Float32, {1, 8, 9, 9}), "xd", 0.0317f, DataType::Int8, -19);
  const Attributes padded{{"pads", Ints{1, 1, 1, 1}}};
  const TensorId a =
      m.g.add("Relu", "a", {m.g.add("Convolution", "conv", {x, m.weights("w", {8, 8, 3, 3})}, padded)});
  const TensorId sum = m.g.add("Add", "sum", {m.pair(a, "ad", 0.0417f, DataType::UInt8, 128), x});
  const TensorId relu = m.pair(sum, "rd", 0.0123f, DataType::UInt8, 0);
  const TensorId up = m.g.add(
      "Deconvolution", "up", {m.pair(relu, "ud", 0.0271f, DataType::UInt8, 31), m.weights("v", {8, 5, 2, 2})},
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

// Codes in, codes out: what ONNX Runtime 1.32 gives for the same models without optimisations, and integers
// on paper (where it multiplies u8 by i8 without VNNI, sums of two products are cut at 16 bits).
struct Recorded {
  Model m;
  TensorId codes(const std::string& name, HostTensor value, std::vector<float> scales, int zero,
                 std::int64_t axis) {
    const DataType type = value.type;
    return decoded(name, m.g.addConstant(name + ".codes", std::move(value)), type, std::move(scales), zero,
                   axis);
  }
  TensorId input(DataType type, Shape shape, float scale, int zero) {
    return decoded("x.numbers", m.g.addInput("x", type, std::move(shape)), type, {scale}, zero, 1);
  }
  void output(TensorId y, DataType type, float scale, int zero) {
    HostTensor point(type, {});
    point.setNumber(0, zero);
    m.g.markOutput(
        m.g.add("Quantize", "y",
                {y, m.g.addConstant("y.s", HostTensor::scalar(scale)), m.g.addConstant("y.z", point)},
                {{"to", std::string(toString(type))}}, {"y"}));
  }
  /// Runs it in INT8 everywhere, and expects these codes.
  void expect(const HostTensor& x, const HostTensor& y, Precision precision) const {
    EXPECT_EQ(evaluate(m.g, {{"x", x}})[0].data, y.data) << "as the model is written";
    for (const Device& device : devices()) {
      EngineOptions options;
      options.precision = Precision::Int8;
      const auto engine = Engine::build(m.g, device, options);
      for (const LayerPrecision& layer : engine->precisions())
        if (layer.layer == "product") {
          EXPECT_EQ(layer.precision, precision) << layer.reason;
        }
      Context context(engine);
      const HostTensor got = context.run({{"x", x}}).at("y");
      ASSERT_EQ(got.size(), y.size());
      for (std::int64_t i = 0; i < y.size(); ++i) EXPECT_EQ(got.integer(i), y.integer(i)) << i;
    }
  }

 private:
  TensorId decoded(const std::string& name, TensorId id, DataType type, std::vector<float> scales, int zero,
                   std::int64_t axis) {
    const Shape count = scales.size() == 1 ? Shape{} : Shape{std::ssize(scales)};
    HostTensor point(type, count);
    for (std::int64_t i = 0; i < point.size(); ++i) point.setNumber(i, zero);
    return m.g.add("Dequantize", name,
                   {id, m.g.addConstant(name + ".s", HostTensor::of<float>(count, scales)),
                    m.g.addConstant(name + ".z", point)},
                   {{"axis", axis}});
  }
};

TEST(QuantisedModels, ZeroPointsOfAConvolutionWithPads) {
  Recorded r;
  const TensorId x = r.input(DataType::UInt8, {1, 2, 4, 4}, 0.021f, 113);
  const std::vector<float> scales{0.004f, 0.0051f, 0.0063f};
  const TensorId w =
      r.codes("w",
              HostTensor::of<std::int8_t>(
                  {3, 2, 3, 3}, {-64,  43,  -10, 3,   113,  81,   86,  13,   123, 123, -93, -75, -49, 14,
                                 83,   -4,  123, -37, 109,  23,   56,  -67,  23,  77,  99,  94,  119, -95,
                                 71,   -8,  47,  -57, -124, -106, 121, 101,  -50, -18, -66, -90, 91,  44,
                                 -108, -76, 16,  102, 126,  -72,  28,  -119, -83, -76, -15, -39}),
              scales, 0, 0);
  std::vector<float> products;
  for (const float s : scales) products.push_back(0.021f * s);
  const TensorId bias = r.codes("b", HostTensor::of<std::int32_t>({3}, {408, -56, -290}), products, 0, 0);
  r.output(r.m.g.add("Convolution", "product", {x, w, bias}, {{"pads", Ints{1, 1, 1, 1}}}), DataType::UInt8,
           0.057f, 0);
  r.expect(
      HostTensor::of<std::uint8_t>(
          {1, 2, 4, 4}, {34,  32,  204, 127, 151, 153, 182, 7,   124, 37,  102, 237, 140, 18, 138, 33,
                         193, 242, 250, 159, 222, 94,  37,  130, 113, 169, 254, 70,  219, 35, 89,  201}),
      HostTensor::of<std::uint8_t>({1, 3, 4, 4}, {24, 29, 0, 5, 0, 0,  54, 0, 0, 26, 0,  0,  0, 0,  11, 31,
                                                  0,  0,  0, 9, 0, 53, 0,  0, 0, 0,  15, 64, 0, 22, 0,  0,
                                                  0,  0,  0, 0, 0, 62, 92, 0, 6, 0,  1,  41, 0, 6,  53, 0}),
      Precision::Int8);
}

TEST(QuantisedModels, WeightsBeyondEightBitsLessTheirZeroPoint) {
  Recorded r;
  const TensorId x = r.input(DataType::Int8, {2, 5}, 0.02f, -9);
  const TensorId w =
      r.codes("w", HostTensor::of<std::uint8_t>({5, 4}, {255, 22, 117, 209, 176, 219, 13, 127, 8,  49,
                                                         216, 18, 150, 5,   79,  238, 81, 79,  22, 198}),
              {0.0077f}, 151, 1);
  r.output(r.m.g.add("MatMul", "product", {x, w}), DataType::Int8, 0.043f, -128);
  r.expect(HostTensor::of<std::int8_t>({2, 5}, {-128, -128, 50, 62, -42, 100, -124, -50, -88, -127}),
           HostTensor::of<std::int8_t>({2, 4}, {-128, -128, -44, -128, -47, -120, -19, -120}),
           Precision::Fp32);
}

TEST(QuantisedModels, ZeroPointsOfATransposedConvolution) {
  Recorded r;
  const TensorId x = r.input(DataType::UInt8, {1, 2, 3, 3}, 0.021f, 37);
  const TensorId w =
      r.codes("w", HostTensor::of<std::int8_t>({2, 2, 3, 3}, {101, 61,   -121, -21, 78,  7,   -79, 46,  -104,
                                                              50,  -123, -36,  -53, 112, 58,  40,  -2,  -54,
                                                              90,  114,  -72,  -65, -47, -6,  -62, -24, 122,
                                                              -34, 112,  1,    -41, 111, -16, 70,  -47, 127}),
              {0.004f, 0.007f}, 0, 1);
  const TensorId y =
      r.m.g.add("Deconvolution", "product", {x, w},
                {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}, {"output_padding", Ints{1, 1}}});
  r.output(y, DataType::UInt8, 0.061f, 130);
  r.expect(HostTensor::of<std::uint8_t>(
               {1, 2, 3, 3}, {44, 127, 6, 5, 214, 2, 119, 109, 32, 165, 189, 252, 50, 236, 15, 36, 153, 222}),
           HostTensor::of<std::uint8_t>(
               {1, 2, 6, 6},
               {122, 113, 130, 111, 113, 128, 126, 181, 177, 71,  115, 179, 126, 107, 136, 133, 128, 130,
                134, 111, 159, 143, 157, 114, 139, 118, 130, 113, 117, 128, 135, 100, 131, 124, 124, 162,
                166, 100, 195, 119, 179, 117, 128, 210, 114, 181, 110, 203, 125, 83,  231, 154, 115, 126,
                104, 181, 117, 139, 184, 129, 152, 121, 180, 118, 178, 122, 130, 146, 117, 187, 109, 187}),
           Precision::Int8);
}

}  // namespace
}  // namespace tessera
