// Models that carry QuantizeLinear / DequantizeLinear: what INT8 makes of them is what they say, or floats
// with a reason.
#include "lower/qdq.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "graph/evaluate.hpp"
#include "lower/explicit_codes.hpp"
#include "ops/operator.hpp"
#include "tessera/passes.hpp"

namespace tessera {
namespace {

using testing::HasSubstr;

/// Writes graphs as importers make them of such models.
struct Model {
  Graph g;
  TensorId x;

  explicit Model(Shape shape = {1, 4, 6, 6}) {
    g.name = "qdq";
    x = g.addInput("x", DataType::Float32, std::move(shape));
  }
  TensorId scalar(const std::string& name, float v) {
    return g.addConstant(name, HostTensor::of<float>({}, {v}));
  }
  TensorId point(const std::string& name, DataType type, int zero) {
    HostTensor value(type, {});
    value.setNumber(0, zero);
    return g.addConstant(name, value);
  }
  TensorId quantize(TensorId from, const std::string& name, float scale, DataType type, int zero) {
    return g.add("Quantize", name + ".q", {from, scalar(name + ".s", scale), point(name + ".z", type, zero)},
                 {{"to", std::string(toString(type))}});
  }
  TensorId pair(TensorId from, const std::string& name, float scale, DataType type = DataType::Int8,
                int zero = 0) {
    const TensorId codes = quantize(from, name, scale, type, zero);
    return g.add("Dequantize", name, {codes, scalar(name + ".s2", scale), point(name + ".z2", type, zero)});
  }
  /// Random codes, dequantised; one scale, or one per element of the axis.
  TensorId weights(const std::string& name, Shape shape, std::vector<float> scales, std::int64_t axis = 0,
                   int low = -127) {
    std::mt19937 random(7);
    HostTensor codes(DataType::Int8, std::move(shape));
    for (std::int64_t i = 0; i < codes.size(); ++i)
      codes.setNumber(i, std::uniform_int_distribution<int>(-99, 99)(random));
    codes.setNumber(0, low);
    const Shape count = scales.size() == 1 ? Shape{} : Shape{static_cast<std::int64_t>(scales.size())};
    return g.add("Dequantize", name,
                 {g.addConstant(name + ".codes", codes),
                  g.addConstant(name + ".s", HostTensor::of<float>(count, scales))},
                 {{"axis", axis}});
  }
  TensorId conv(TensorId from, const std::string& name, std::int64_t outputs, Attributes attrs = {}) {
    const std::int64_t inputs = g.tensor(from).shape[1];
    std::vector<float> scales;
    for (std::int64_t k = 0; k < outputs; ++k) scales.push_back(0.002f + 0.0005f * static_cast<float>(k));
    return g.add("Convolution", name, {from, weights(name + ".w", {outputs, inputs, 3, 3}, scales)},
                 std::move(attrs));
  }
};

HostTensor randomInput(const Graph& g, unsigned seed = 3) {
  std::mt19937 random(seed);
  HostTensor x(DataType::Float32, g.tensor(g.inputs()[0]).shape);
  for (std::int64_t i = 0; i < x.size(); ++i) x.setNumber(i, std::normal_distribution<double>(0, 1)(random));
  return x;
}

struct Int8 {
  Graph graph;
  std::vector<LayerPrecision> report;
  const LayerPrecision& of(const std::string& layer) const {
    for (const LayerPrecision& entry : report)
      if (entry.layer == layer) return entry;
    throw std::runtime_error("no layer " + layer);
  }
  const Layer& layer(const std::string& name) const {
    for (const Layer& layer : graph.layers())
      if (layer.name == name) return layer;
    throw std::runtime_error("no layer " + name);
  }
};

Int8 int8Of(Graph g) {
  const auto calibration = takeQdq(g);
  if (!calibration) throw std::runtime_error("the graph has no pairs");
  optimize(g);
  Int8 made;
  made.graph = assignInt8(g, *calibration, {}, &made.report);
  return made;
}

/// The INT8 network gives what the graph as written gives, but for codes that round to their neighbour:
/// outputs keep their names, no element is off by more than `step`, and few are off at all.
Int8 expectAsWritten(const Model& model, double step) {
  const Graph& g = model.g;
  const HostTensor x = randomInput(g);
  Int8 made = int8Of(g);
  EXPECT_EQ(made.graph.outputs().size(), g.outputs().size());
  const auto expected = evaluate(g, {{"x", x}}), actual = evaluate(made.graph, {{"x", x}});
  for (std::size_t o = 0; o < expected.size(); ++o) {
    EXPECT_EQ(made.graph.tensor(made.graph.outputs()[o]).name, g.tensor(g.outputs()[o]).name);
    std::int64_t off = 0;
    for (std::int64_t i = 0; i < expected[o].size(); ++i) {
      const double error = std::abs(actual[o].number(i) - expected[o].number(i));
      EXPECT_LE(error, step * 1.001) << "output " << o << " element " << i << ", right "
                                     << expected[o].number(i);
      off += error > 1e-5;
    }
    EXPECT_LE(off * 20, expected[o].size()) << "output " << o << ": many elements are off by a step";
  }
  return made;
}

TEST(Qdq, TakesScalesAndKeepsWeightCodes) {
  Model m({1, 2, 3, 3});
  const TensorId codes =
      m.g.addConstant("w.codes", HostTensor::of<std::int8_t>({2, 2, 1, 1}, {10, -20, 100, 7}));
  const TensorId w =
      m.g.add("Dequantize", "w", {codes, m.g.addConstant("w.s", HostTensor::of<float>({2}, {0.5f, 0.01f}))},
              {{"axis", 0}});
  const TensorId y =
      m.g.add("Relu", "relu", {m.g.add("Convolution", "conv", {m.pair(m.x, "xd", 0.0193f), w})});
  const TensorId w2 = m.g.addConstant("w2", HostTensor::of<float>({1, 2, 1, 1}, {1, -0.31389f}));
  m.g.markOutput(m.g.add("Convolution", "conv2", {m.pair(y, "yd", 0.1f), w2}));
  Graph g = m.g;
  const auto calibration = takeQdq(g);
  ASSERT_TRUE(calibration);
  EXPECT_FLOAT_EQ(calibration->scales.at("xd"), 0.0193f);
  EXPECT_FLOAT_EQ(calibration->scales.at("yd"), 0.1f);
  EXPECT_EQ(calibration->weightScales.at("conv"), (std::vector<float>{0.5f, 0.01f}));
  for (const auto& layer : g.layers()) EXPECT_NE(layer.op, "Quantize");
  const Int8 made = expectAsWritten(m, 0.1);
  EXPECT_EQ(made.of("conv").precision, Precision::Int8);
  EXPECT_NE(made.of("conv2").precision, Precision::Int8);
  EXPECT_THAT(made.of("conv2").reason, HasSubstr("'w2' are not codes"));
  bool seen = false;
  for (const auto& layer : made.graph.layers())
    if (layer.op == "QConvolution") {
      seen = true;
      const auto held = made.graph.tensor(layer.inputs[1]).constant->as<std::int8_t>();
      EXPECT_EQ(std::vector<int>(held.begin(), held.end()), (std::vector<int>{10, -20, 100, 7}));
      EXPECT_TRUE(layer.attrs.has("rate")) << "it writes the codes of the pair behind its relu";
    }
  EXPECT_TRUE(seen);
}

TEST(Qdq, OutputsKeepTheirNames) {
  Model m;
  m.g.markOutput(m.pair(m.conv(m.pair(m.x, "xd", 0.0193f), "scores.before", 3), "scores", 0.02f));
  const Int8 made = expectAsWritten(m, 0.02);
  EXPECT_EQ(made.of("scores.before").precision, Precision::Int8);
}

TEST(Qdq, APairThatReadsAnInputMayBeAnOutput) {
  Model m;
  const TensorId d = m.pair(m.x, "d", 0.02f);
  m.g.markOutput(m.conv(d, "c", 3));
  m.g.markOutput(d);
  EXPECT_EQ(expectAsWritten(m, 0.02).of("c").precision, Precision::Int8);
  Model only;  // nothing but a pair
  only.g.markOutput(only.pair(only.x, "y", 0.01f));
  expectAsWritten(only, 0.01);
}

TEST(Qdq, UnsignedCodesFromZeroSaturateAsARelu) {
  Model m;
  const TensorId y = m.conv(m.pair(m.x, "xd", 0.0193f, DataType::UInt8, 128), "conv", 4);
  const TensorId relu = m.pair(y, "yd", 0.005f, DataType::UInt8, 0);
  m.g.markOutput(m.conv(relu, "conv2", 3));
  const Int8 made = expectAsWritten(m, 0.005);
  EXPECT_EQ(made.of("conv").precision, Precision::Int8);
  EXPECT_EQ(made.of("conv2").precision, Precision::Int8);
  const Layer& conv = made.layer("conv");
  EXPECT_EQ(conv.attrs.integer("x_zero"), 0) << "128 of u8 is 0 of the codes";
  EXPECT_EQ(conv.attrs.integer("zero"), -128) << "it writes the codes that stand for a Relu";
  EXPECT_EQ(made.layer("conv2").attrs.integer("x_zero"), -128);
}

TEST(Qdq, ZeroPointsAreCodes) {
  const std::vector<std::int64_t> pads{1, 2, 0, 1};
  for (const auto& [type, zero] :
       {std::pair{DataType::Int8, -37}, {DataType::Int8, -128}, {DataType::UInt8, 255}}) {
    Model m;
    const TensorId y = m.pair(m.conv(m.pair(m.x, "xd", 0.0193f, type, zero), "conv", 4, {{"pads", pads}}),
                              "yd", 0.01f, DataType::UInt8, 97);
    m.g.markOutput(m.conv(y, "conv2", 3, {{"pads", pads}, {"strides", std::vector<std::int64_t>{2, 2}}}));
    const Int8 made = expectAsWritten(m, 0.01);
    EXPECT_EQ(made.of("conv").precision, Precision::Int8);
    EXPECT_EQ(made.layer("conv2").attrs.integer("x_zero"), 97 - 128);
  }
}

TEST(Qdq, CodesAreMovedAsTheyAreAndPadsAreTheZeroPoint) {
  using List = std::vector<std::int64_t>;
  Model m;
  const TensorId x = m.pair(m.x, "xd", 0.0193f, DataType::UInt8, 77);
  const TensorId padded =
      m.g.add("Pad", "pad", {m.g.add("Relu", "relu", {x})}, {{"pads", List{0, 0, 1, 1, 0, 0, 2, 0}}});
  const TensorId pooled =
      m.g.add("Pool", "pool", {padded}, {{"mode", "max"}, {"kernel", List{2, 2}}, {"strides", List{1, 1}}});
  m.g.markOutput(m.conv(pooled, "conv", 3));
  const Int8 made = expectAsWritten(m, 1e-4);
  EXPECT_EQ(made.of("conv").precision, Precision::Int8);
  EXPECT_EQ(made.of("pool").precision, Precision::Int8);
  EXPECT_EQ(made.layer("conv").attrs.integer("x_zero"), 77 - 128);
}

TEST(Qdq, MeansAndSumsOfCodesWithZeroPoints) {
  using List = std::vector<std::int64_t>;
  Model m;
  const TensorId x = m.pair(m.x, "xd", 0.0193f, DataType::UInt8, 77);
  for (const int countPads : {0, 1}) {
    const TensorId mean = m.g.add("Pool", "mean" + std::to_string(countPads), {x},
                                  {{"mode", "average"},
                                   {"kernel", List{3, 3}},
                                   {"pads", List{1, 1, 1, 1}},
                                   {"count_include_pad", countPads}});
    const TensorId y = m.pair(mean, "md" + std::to_string(countPads), 0.01f, DataType::Int8, 5);
    const TensorId sum = m.pair(m.g.add("Add", "sum" + std::to_string(countPads), {y, y}),
                                "sd" + std::to_string(countPads), 0.02f, DataType::UInt8, 3);
    m.g.markOutput(m.conv(sum, "conv" + std::to_string(countPads), 3));
  }
  const Int8 made = expectAsWritten(m, 0.02);
  EXPECT_EQ(made.of("conv1").precision, Precision::Int8);
  EXPECT_EQ(made.of("mean0").precision, Precision::Int8);
}

TEST(Qdq, CodesFromElsewhereBecomeCodesAgain) {
  Model m;
  const TensorId q = m.quantize(m.x, "x", 0.0193f, DataType::UInt8, 99);
  m.g.markOutput(q);  // what the model gives away stays as it writes it
  const TensorId xd =
      m.g.add("Dequantize", "xd", {q, m.scalar("s", 0.0193f), m.point("z", DataType::UInt8, 99)});
  m.g.markOutput(m.conv(xd, "conv", 4, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}));
  const Int8 made = expectAsWritten(m, 1e-4);
  EXPECT_EQ(made.of("conv").precision, Precision::Int8);
}

TEST(Qdq, PairsAreFloatsBesideACalibration) {
  Model m;
  m.g.markOutput(m.conv(m.pair(m.x, "xd", 0.0193f, DataType::UInt8, 97), "conv", 4));
  optimize(m.g);  // as where a calibration is given: takeQdq leaves the pairs alone
  Calibration calibration;
  for (const auto& name : tensorsToCalibrate(m.g)) calibration.scales[name] = 0.02f;
  Int8 made;
  made.graph = assignInt8(m.g, calibration, {}, &made.report);
  EXPECT_NE(made.of("xd.q").precision, Precision::Int8) << "Quantize";
  EXPECT_EQ(made.of("conv").precision, Precision::Int8);
  const auto count = [](const Graph& graph) {
    return std::ranges::count_if(graph.layers(), [](const Layer& l) { return traitsOf(l.op).quantised(); });
  };
  EXPECT_EQ(count(m.g), 0);
  EXPECT_GE(count(made.graph), 1);
}

TEST(Qdq, TheLastPairSaturates) {
  Model m;
  m.g.markOutput(m.pair(m.conv(m.pair(m.x, "xd", 0.0193f), "conv", 3), "y", 0.001f));
  expectAsWritten(m, 0.001);
}

TEST(Qdq, TwoScalesOnOneTensorBothCount) {
  Model m;
  const TensorId y = m.conv(m.pair(m.x, "xd", 0.0193f), "conv", 4);
  const TensorId a = m.conv(m.pair(y, "coarse", 0.0317f), "a", 3),
                 b = m.conv(m.pair(y, "fine", 0.002f), "b", 3);
  m.g.markOutput(m.g.add("Add", "sum", {a, b}));
  const Int8 made = expectAsWritten(m, 0.04);
  EXPECT_EQ(made.of("a").precision, Precision::Int8);
  EXPECT_EQ(made.of("b").precision, Precision::Int8);
}

TEST(Qdq, ATensorThatIsReadInFloatsTooStaysUnrounded) {
  Model m;
  const TensorId y = m.conv(m.pair(m.x, "xd", 0.0193f), "conv", 4);
  const TensorId b =
      m.conv(m.pair(y, "fine", 0.002f), "b", 4, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  m.g.markOutput(m.g.add("Add", "sum", {y, b}));  // y itself, far beyond the codes' range
  expectAsWritten(m, 0.01);
}

TEST(Qdq, APairBeforeTheActivationCounts) {
  Model m;
  const TensorId y = m.pair(m.conv(m.pair(m.x, "xd", 0.0193f), "conv", 4), "narrow", 0.002f);
  m.g.markOutput(m.conv(m.pair(m.g.add("Relu", "relu", {y}), "wide", 0.0193f), "conv2", 3));
  const Int8 made = expectAsWritten(m, 0.01);
  for (const auto& layer : made.graph.layers()) {
    if (layer.name != "conv") continue;
    EXPECT_EQ(layer.attrs.string("activation"), "Relu") << "relu of codes is codes of relu";
  }
}

TEST(Qdq, MembersOfAConcatKeepTheirScales) {
  Model m;
  const TensorId a = m.pair(m.x, "a", 0.0317f), b = m.pair(m.x, "b", 0.001f);
  const TensorId joined = m.g.add("Concat", "joined", {a, b}, {{"axis", 1}});
  m.g.markOutput(m.conv(m.pair(joined, "jd", 0.02f), "conv", 3));
  const Int8 made = expectAsWritten(m, 0.01);
  EXPECT_EQ(made.of("conv").precision, Precision::Int8);
  Model bare;  // no pair behind it: what the convolution reads has no one scale
  const TensorId parts = bare.g.add(
      "Concat", "joined", {bare.pair(bare.x, "a", 0.0317f), bare.pair(bare.x, "b", 0.001f)}, {{"axis", 1}});
  bare.g.markOutput(bare.conv(parts, "conv", 3));
  EXPECT_THAT(expectAsWritten(bare, 1e-5).of("conv").reason, HasSubstr("'joined'"));
}

TEST(Qdq, MovedCodesAreStillCodes) {
  Model m;
  using List = std::vector<std::int64_t>;
  const TensorId pooled = m.g.add("Pool", "pool", {m.pair(m.x, "xd", 0.0193f)},
                                  {{"mode", "max"}, {"kernel", List{2, 2}}, {"strides", List{1, 1}}});
  const TensorId again = m.pair(pooled, "pd", 0.02f), narrow = m.pair(pooled, "nd", 0.004f);
  const TensorId average = m.g.add("GlobalPool", "mean", {again}, {{"mode", "average"}});
  m.g.markOutput(m.pair(average, "md", 0.004f));
  m.g.markOutput(m.conv(again, "conv", 3));
  m.g.markOutput(m.conv(narrow, "conv2", 3));
  m.g.markOutput(m.g.add("Softmax", "soft", {again}, {{"axis", 1}}));
  const Int8 made = expectAsWritten(m, 0.02);
  EXPECT_EQ(made.of("pool").precision, Precision::Int8);
  EXPECT_EQ(made.of("conv").precision, Precision::Int8);
  EXPECT_EQ(made.of("conv2").precision, Precision::Int8);
}

TEST(Qdq, TransposedConvolutionsHaveTheirScalesAlongOutputs) {
  for (const std::int64_t axis : {0, 1})
    for (const std::int64_t outputs : {4, 5}) {
      Model m;
      std::vector<float> scales;
      for (std::int64_t k = 0; k < (axis == 0 ? 4 : outputs); ++k)
        scales.push_back(0.001f + 0.0017f * static_cast<float>(k));
      const TensorId w = m.weights("w", {4, outputs, 2, 2}, scales, axis);
      m.g.markOutput(m.pair(m.g.add("Deconvolution", "up", {m.pair(m.x, "xd", 0.0193f), w}), "y", 0.02f));
      const Int8 made = expectAsWritten(m, 0.02);
      EXPECT_EQ(made.of("up").precision == Precision::Int8, axis == 1) << outputs;
      if (axis == 0) {
        EXPECT_THAT(made.of("up").reason, HasSubstr("one scale per output channel"));
      }
    }
}

TEST(Qdq, WeightsThatAreNoSymmetricCodesStayFloats) {
  Model m;
  const TensorId w = m.weights("w", {3, 4, 3, 3}, {0.01f}, 0, -128);
  m.g.markOutput(m.g.add("Convolution", "conv", {m.pair(m.x, "xd", 0.0193f), w}));
  EXPECT_NE(expectAsWritten(m, 1e-5).of("conv").precision, Precision::Int8) << "-128 is no code of weights";
  Model scaled;  // a batch norm behind the convolution moves into its weights: codes of other scales
  const TensorId y = scaled.conv(scaled.pair(scaled.x, "xd", 0.0193f), "conv", 3);
  const TensorId factor = scaled.g.addConstant("f", HostTensor::of<float>({3}, {1.7f, 0.3f, -2.1f}));
  scaled.g.markOutput(scaled.g.add("Scale", "bn", {y, factor}, {{"axis", 1}}));
  EXPECT_EQ(expectAsWritten(scaled, 1e-4).of("conv").precision, Precision::Int8);
}

TEST(Qdq, APairOfTwoScalesOrWithOtherReadersStays) {
  Model m;
  const TensorId codes = m.quantize(m.x, "x", 0.02f, DataType::Int8, 0);
  m.g.markOutput(m.conv(
      m.g.add("Dequantize", "xd", {codes, m.scalar("other", 0.0317f), m.point("z", DataType::Int8, 0)}),
      "conv", 3));
  EXPECT_EQ(expectAsWritten(m, 1e-4).of("conv").precision, Precision::Int8) << "codes of the other scale";
  Model shown;
  const TensorId q = shown.quantize(shown.x, "x", 0.02f, DataType::Int8, 0);
  shown.g.markOutput(q);
  shown.g.markOutput(shown.conv(
      shown.g.add("Dequantize", "xd", {q, shown.scalar("s", 0.02f), shown.point("z", DataType::Int8, 0)}),
      "conv", 3));
  expectAsWritten(shown, 1e-5);
}

TEST(Qdq, EqualPairsOfOneTensorAreOne) {
  Model m;
  const TensorId y = m.conv(m.pair(m.x, "xd", 0.0193f), "conv", 4);
  m.g.markOutput(m.conv(m.pair(y, "p", 0.01f), "a", 3));
  m.g.markOutput(m.conv(m.pair(y, "q", 0.01f), "b", 3));
  const Int8 made = expectAsWritten(m, 0.01);
  for (const auto& layer : made.graph.layers()) {
    if (layer.name != "conv") continue;
    EXPECT_TRUE(layer.attrs.has("rate")) << "it writes the codes of both";
  }
}

TEST(Qdq, ResidualSumsOfCodes) {
  Model m;
  const std::vector<std::int64_t> pads{1, 1, 1, 1};
  const TensorId x = m.pair(m.x, "xd", 0.0193f);
  const TensorId y = m.pair(m.conv(x, "conv", 4, {{"pads", pads}}), "yd", 0.015f);
  const TensorId sum = m.pair(m.g.add("Relu", "relu", {m.g.add("Add", "sum", {y, x})}), "sd", 0.0317f);
  const TensorId fused = m.g.add("Add", "fused", {m.conv(sum, "conv2", 4, {{"pads", pads}}), x});
  m.g.markOutput(m.pair(fused, "fd", 0.0317f));
  const Int8 made = expectAsWritten(m, 0.03);
  EXPECT_EQ(made.of("conv2").precision, Precision::Int8);
}

}  // namespace
}  // namespace tessera
