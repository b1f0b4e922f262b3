// INT8 networks written as ONNX with QuantizeLinear and DequantizeLinear come back as the same networks.
#include "tessera/exporter.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "graph/evaluate.hpp"
#include "lower/qdq.hpp"
#include "ops/operator.hpp"
#include "tests/import/onnx_fixture.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

using testing::HasSubstr;
using Values = std::vector<std::int64_t>;
using Inputs = std::map<std::string, HostTensor>;

class ExportQdq : public test::OnnxFixture {
 protected:
  std::filesystem::path write(const Graph& graph, const Calibration& calibration) {
    const auto file = folder_.path() / "out.onnx";
    exportQdq(graph, calibration, file);
    return file;
  }
  static Graph int8Of(Graph graph, const Calibration& calibration) {
    optimize(graph);
    return assignInt8(graph, calibration, {});
  }
  /// What an engine in INT8 makes of a file that holds its own codes.
  static Graph int8Of(const std::filesystem::path& file) {
    Graph graph = importOnnx(file);
    const auto own = takeQdq(graph);
    if (!own) throw Error(ErrorCode::Internal, "the file holds no codes");
    return int8Of(std::move(graph), *own);
  }
  /// Layers on codes, by operator: those that compute with weights.
  static std::map<std::string, int> integerLayers(const Graph& graph) {
    std::map<std::string, int> found;
    for (const Layer& layer : graph.layers())
      if (traitsOf(layer.op).quantised() && layer.op != "QPointwise") ++found[layer.op];
    return found;
  }
  /// The largest difference of an output, as a share of its largest value.
  static double difference(const HostTensor& a, const HostTensor& b) {
    double most = 0, largest = 0;
    EXPECT_EQ(a.shape, b.shape);
    for (std::int64_t i = 0; i < a.size(); ++i) {
      most = std::max(most, std::abs(a.number(i) - b.number(i)));
      largest = std::max(largest, std::abs(a.number(i)));
    }
    return most / largest;
  }
  static HostTensor weights(Shape shape, unsigned seed) {
    return test::portableRandom(std::move(shape), seed, -0.4f, 0.4f);
  }
  static TensorId conv(Graph& g, const std::string& name, TensorId x, std::int64_t outputs,
                       Attributes attrs = {}, TensorId residual = kNoTensor) {
    const std::int64_t channels = g.tensor(x).shape[1];
    const unsigned seed = static_cast<unsigned>(g.layers().size()) + 1;
    attrs.set("pads", Values{1, 1, 1, 1});
    return g.add("Convolution", name,
                 {x, g.addConstant(name + ".w", weights({outputs, channels, 3, 3}, seed)),
                  g.addConstant(name + ".b", weights({outputs}, seed + 99)), residual},
                 std::move(attrs));
  }
};

TEST_F(ExportQdq, EveryIntegerOperatorComesBack) {
  const Graph network = test::int8Network();
  const Calibration calibration = test::int8NetworkCalibration(network);
  const Graph made = int8Of(network, calibration), again = int8Of(write(network, calibration));
  EXPECT_EQ(integerLayers(again), integerLayers(made));
  const Inputs inputs = test::int8NetworkInput();
  const auto wanted = evaluate(made, inputs), got = evaluate(again, inputs);
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    SCOPED_TRACE(made.tensor(made.outputs()[i]).name);
    EXPECT_EQ(again.tensor(again.outputs()[i]).name, made.tensor(made.outputs()[i]).name);
    EXPECT_LT(difference(wanted[i], got[i]), 0.02);
  }
}

/// A network as they are deployed: residuals, a concat, poolings, a classifier, with scales that are no
/// powers of two.
Graph deployed(const std::function<TensorId(Graph&, const std::string&, TensorId, std::int64_t, Attributes,
                                            TensorId)>& conv) {
  Graph g;
  g.name = "deployed";
  const TensorId x = g.addInput("image", DataType::Float32, {1, 3, 12, 10});
  const TensorId a = conv(g, "a", x, 8, {{"activation", std::string("Relu")}}, kNoTensor);
  const TensorId b = conv(g, "b", a, 8, {}, kNoTensor);
  const TensorId c = conv(g, "c", b, 8, {{"activation", std::string("Relu")}}, a);
  const TensorId pooled =
      g.add("Pool", "pool", {c},
            {{"mode", std::string("max")}, {"kernel", Values{2, 2}}, {"strides", Values{2, 2}}});
  const TensorId d = conv(g, "d", pooled, 4, {{"activation", std::string("Silu")}}, kNoTensor),
                 e = conv(g, "e", pooled, 4, {{"activation", std::string("HardSwish")}}, kNoTensor);
  const TensorId both = g.add("Concat", "both", {d, e}, {{"axis", std::int64_t{1}}});
  const TensorId f = conv(g, "f", both, 6, {}, kNoTensor);
  g.markOutput(g.add("Softmax", "map", {f}, {{"axis", std::int64_t{1}}}, {"map"}));
  const TensorId flat =
      g.add("Reshape", "flat", {g.add("GlobalPool", "mean", {f}, {{"mode", std::string("average")}})},
            {{"shape", Values{1, 6}}});
  g.markOutput(g.add("FullyConnected", "scores",
                     {flat, g.addConstant("scores.w", test::portableRandom({5, 6}, 8, -1, 1))}, {},
                     {"scores"}));
  return g;
}

/// Scales by the largest values, the last `percent` of them cut off: saturation happens at both ends.
Calibration measured(const Graph& network, const Inputs& inputs, float cut) {
  Graph optimized = network;
  optimize(optimized);
  Calibration calibration;
  for (const auto& name : tensorsToCalibrate(optimized)) {
    const auto value = evaluateTensors(optimized, inputs, {optimized.findTensor(name)})[0];
    float top = 0;
    for (const float v : value.as<float>()) top = std::max(top, std::abs(v));
    calibration.scales[name] = top * cut / 127.0f;
  }
  return calibration;
}

TEST_F(ExportQdq, DeployedNetworksComeBackToTheBit) {
  const Graph network = deployed(conv);
  const Inputs inputs{{"image", test::portableRandom({1, 3, 12, 10}, 3, -2, 2)}};
  const Calibration calibration = measured(network, inputs, 0.7f);
  const Graph made = int8Of(network, calibration), again = int8Of(write(network, calibration));
  EXPECT_EQ(integerLayers(again), integerLayers(made));
  EXPECT_EQ(again.tensor(again.inputs()[0]).name, "image");
  EXPECT_EQ(evaluate(again, inputs), evaluate(made, inputs));
}

/// The least values, so that one-sided tensors get zero points.
void addLeast(Calibration& calibration, const Graph& network, const Inputs& inputs) {
  Graph optimized = network;
  optimize(optimized);
  for (std::size_t t = 0; t < optimized.tensors().size(); ++t) {
    const GraphTensor& tensor = optimized.tensors()[t];
    if (tensor.isConstant() || tensor.type != DataType::Float32) continue;
    const auto value = evaluateTensors(optimized, inputs, {static_cast<TensorId>(t)})[0];
    calibration.least[tensor.name] = std::min(*std::ranges::min_element(value.as<float>()), 0.0f);
  }
}

std::set<std::int64_t> zerosOf(const Graph& int8) {
  std::set<std::int64_t> zeros;
  for (const Layer& layer : int8.layers())
    if (layer.attrs.has("rate")) zeros.insert(layer.attrs.integer("zero"));
  return zeros;
}

TEST_F(ExportQdq, ZeroPointsComeBackToTheBit) {
  const Graph network = deployed(conv);
  Inputs inputs{{"image", test::portableRandom({1, 3, 12, 10}, 3, -0.5f, 2)}};
  Calibration calibration = measured(network, inputs, 0.7f);
  addLeast(calibration, network, inputs);
  const auto file = write(network, calibration);
  const Graph made = int8Of(network, calibration), again = int8Of(file);
  EXPECT_GT(zerosOf(made).size(), 2u) << "behind Relu, behind SiLU, both sides";
  EXPECT_TRUE(zerosOf(made).contains(-128));
  EXPECT_EQ(integerLayers(again), integerLayers(made));
  const auto wanted = evaluate(made, inputs);
  EXPECT_EQ(evaluate(again, inputs), wanted);
  const auto floats = evaluate(importOnnx(file), inputs);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_LT(difference(wanted[i], floats[i]), 0.01);
}

/// What another program computes from the file, operator by operator in floats.
TEST_F(ExportQdq, OthersComputeTheSameCodes) {
  const Graph network = deployed(conv);
  const Inputs inputs{{"image", test::portableRandom({1, 3, 12, 10}, 3, -2, 2)}};
  const Calibration calibration = measured(network, inputs, 0.7f);
  const auto wanted = evaluate(int8Of(network, calibration), inputs),
             got = evaluate(importOnnx(write(network, calibration)), inputs);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_LT(difference(wanted[i], got[i]), 0.01);
}

TEST_F(ExportQdq, NamesAreKept) {
  const Graph network = deployed(conv);
  const Inputs inputs{{"image", test::portableRandom({1, 3, 12, 10}, 3, -2, 2)}};
  const Graph file = importOnnx(write(network, measured(network, inputs, 1)));
  for (const char* name : {"a", "c", "pool", "both", "f", "map", "scores"})
    EXPECT_NE(file.findTensor(name), kNoTensor) << name;
  int found = 0;
  for (const Layer& layer : file.layers()) found += layer.op == "Convolution" && layer.name.size() == 1;
  EXPECT_EQ(found, 6);
}

/// How far every channel reaches, below 0 and above, for all tensors that calibration knows.
void addRanges(Calibration& calibration, const Graph& network, const Inputs& inputs) {
  Graph optimized = network;
  optimize(optimized);
  for (const auto& [name, scale] : Calibration(calibration).scales) {
    const auto value = evaluateTensors(optimized, inputs, {optimized.findTensor(name)})[0];
    if (value.shape.size() != 4 || inputs.count(name)) continue;
    const std::int64_t channels = value.shape[1], plane = value.size() / channels;
    std::vector<float> ranges(static_cast<std::size_t>(2 * channels), 0);
    for (std::int64_t i = 0; i < value.size(); ++i) {
      const float v = value.as<float>()[static_cast<std::size_t>(i)];
      float& end = ranges[static_cast<std::size_t>(i / plane % channels + (v < 0 ? 0 : channels))];
      end = std::max(end, std::abs(v));
    }
    calibration.channelPeaks[name] = ranges;
  }
}

TEST_F(ExportQdq, ChannelsWithRangesOfTheirOwn) {
  const Graph network = deployed(conv);
  const Inputs inputs{{"image", test::portableRandom({1, 3, 12, 10}, 3, -2, 2)}};
  Calibration calibration = measured(network, inputs, 1);
  addRanges(calibration, network, inputs);
  const Graph made = int8Of(network, calibration), again = int8Of(write(network, calibration));
  EXPECT_EQ(integerLayers(again), integerLayers(made));
  const auto wanted = evaluate(made, inputs), got = evaluate(again, inputs);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_LT(difference(wanted[i], got[i]), 0.02);
}

/// Members of a concat before a convolution keep their scales where their channels have ranges: the file has
/// one scale for all of them.
TEST_F(ExportQdq, MembersOfAConcatWithScalesOfTheirOwn) {
  Graph network;
  network.name = "fire";
  const TensorId x = network.addInput("image", DataType::Float32, {1, 3, 12, 10});
  const Attributes relu{{"activation", std::string("Relu")}};
  const TensorId a = conv(network, "a", x, 6, relu), b = conv(network, "b", a, 5, relu),
                 c = conv(network, "c", b, 4, relu);
  const TensorId both = network.add("Concat", "both", {b, c}, {{"axis", std::int64_t{1}}});
  network.markOutput(conv(network, "d", conv(network, "e", both, 6, relu), 4));
  const Inputs inputs{{"image", test::portableRandom({1, 3, 12, 10}, 3, -2, 2)}};
  Calibration calibration = measured(network, inputs, 1);
  addRanges(calibration, network, inputs);
  const auto file = write(network, calibration);
  const Graph plain = importOnnx(file), made = int8Of(network, calibration), again = int8Of(file);
  EXPECT_TRUE(std::any_of(plain.layers().begin(), plain.layers().end(),
                          [](const Layer& layer) { return layer.name.ends_with("/one scale"); }));
  EXPECT_EQ(integerLayers(again), integerLayers(made));
  EXPECT_EQ(integerLayers(made).at("QConvolution"), 5);
  EXPECT_LT(difference(evaluate(made, inputs)[0], evaluate(again, inputs)[0]), 0.02);
}

TEST_F(ExportQdq, WhatHasNoFormIsNamed) {
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 3, 8, 8});
  const TensorId a = conv(g, "a", x, 4);
  g.markOutput(g.add("Lrn", "odd", {a}, {{"size", std::int64_t{3}}}));
  g.markOutput(g.add("MeanVariance", "odder", {a}, {{"axes", Values{2, 3}}}));
  Calibration calibration;
  for (const auto& name : tensorsToCalibrate(g)) calibration.scales[name] = 0.1f;
  const auto file = folder_.path() / "out.onnx";
  const std::string why = test::refusal([&] { exportQdq(g, calibration, file); }, ErrorCode::Unsupported);
  EXPECT_THAT(why, HasSubstr("2 layers"));
  EXPECT_THAT(why, HasSubstr("Lrn 'odd'"));
  EXPECT_THAT(why, HasSubstr("MeanVariance 'odder'"));
  EXPECT_FALSE(std::filesystem::exists(file));
  calibration.graphHash = 17;
  EXPECT_THAT(test::refusal([&] { exportQdq(g, calibration, file); }, ErrorCode::BadCache),
              HasSubstr("another network"));
}

}  // namespace
}  // namespace tessera
