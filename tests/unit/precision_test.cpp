// The precision stage: which layers become INT8, shared scales, what the quantised graph computes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "graph/evaluate.hpp"
#include "lower/channel_codes.hpp"

namespace tessera {
namespace {

HostTensor spreadTensor(Shape shape, unsigned seed, float span = 1) {
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
                 {x, g.addConstant(std::string(name) + ".w", spreadTensor(w, seed, 0.3f)),
                  g.addConstant(std::string(name) + ".b", spreadTensor({w[0]}, seed + 50, 0.2f))},
                 {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}, {"activation", std::string("Relu")}});
  };
  const TensorId x = g.addInput("x", DataType::Float32, {1, 3, 8, 8});
  const TensorId a = conv("conv1", x, {8, 3, 3, 3}, 1);
  const TensorId b = conv("conv2", a, {4, 8, 3, 3}, 2), c = conv("conv3", a, {5, 8, 3, 3}, 3);
  const TensorId cat = g.add("Concat", "cat", {b, c}, {{"axis", 1}});
  g.markOutput(conv("conv4", cat, {6, 9, 3, 3}, 4));
  return g;
}

Calibration calibrationBy(const Graph& g, const HostTensor& x) {
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
  const HostTensor x = spreadTensor({1, 3, 8, 8}, 9);
  std::vector<LayerPrecision> report;
  const Graph q = assignInt8(g, calibrationBy(g, x), {}, &report);
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
  Calibration calibration = calibrationBy(g, spreadTensor({1, 3, 8, 8}, 9));
  calibration.scales["conv2"] = 0.5f;
  const Int8Plan plan = planInt8(g, calibration, PrecisionOptions());
  for (const char* name : {"conv2", "conv3", "cat"}) EXPECT_EQ(plan.scales[g.findTensor(name)], 0.5f) << name;
  EXPECT_TRUE(plan.coded[g.findTensor("cat")]);
  EXPECT_FALSE(plan.coded[g.findTensor("conv4")]) << "a graph output stays in floats";
}

// Two convolutions and a member in floats -> concat -> batch norm -> {convolution, residual chain after a
// concat}.
Graph normNetwork() {
  Graph g;
  g.name = "norms";
  const auto constant = [&](const char* name, Shape shape, unsigned seed) {
    return g.addConstant(name, spreadTensor(std::move(shape), seed, 0.5f));
  };
  const auto x = g.addInput("x", DataType::Float32, {1, 3, 8, 8});
  const auto a = g.add("Convolution", "a", {x, constant("a.w", {4, 3, 1, 1}, 1)});
  const auto b = g.add("Convolution", "b", {x, constant("b.w", {5, 3, 1, 1}, 2)});
  const auto m = g.add("Pool", "m", {x}, {{"mode", "max"}, {"kernel", std::vector<std::int64_t>{1, 1}}});
  const auto cat = g.add("Concat", "cat", {a, b, m}, {{"axis", 1}});
  const auto norm =
      g.add("Pointwise", "norm", {cat, constant("n.a", {12, 1, 1}, 3), constant("n.b", {12, 1, 1}, 4)},
            {{"expression", "t0=Mul(x0,x1);t1=Add(t0,x2)"}});
  const auto c = g.add("Convolution", "c", {norm, constant("c.w", {12, 12, 1, 1}, 5)});
  const auto sum = g.add("Pointwise", "sum", {norm, c, constant("s.a", {12, 1, 1}, 6)},
                         {{"expression", "t0=Add(x0,x1);t1=Mul(t0,x2)"}});
  g.markOutput(g.add("Convolution", "d", {sum, constant("d.w", {2, 12, 1, 1}, 7)}));
  return g;
}

TEST(Precision, MembersOfAConcatBeforeChainsKeepTheirScales) {
  const Graph g = normNetwork();
  Calibration calibration = calibrationBy(g, spreadTensor({1, 3, 8, 8}, 9));
  EXPECT_FALSE(calibration.scales.count("cat")) << "it has no scale of its own";
  calibration.scales["a"] = 0.5f, calibration.scales["b"] = 0.25f, calibration.scales["m"] = 0.125f;
  const Int8Plan plan = planInt8(g, calibration, PrecisionOptions());
  EXPECT_TRUE(plan.coded[g.findTensor("cat")]);
  EXPECT_EQ(plan.scales[g.findTensor("a")], 0.5f);
  EXPECT_EQ(plan.scales[g.findTensor("b")], 0.25f);
  EXPECT_EQ(plan.members.at(g.findTensor("cat")).size(), 3u);
  const Graph q = assignInt8(g, calibration, {});
  const TensorId scales = q.findTensor("cat/scales");
  ASSERT_NE(scales, kNoTensor);
  for (int c = 0; c < 12; ++c)
    EXPECT_EQ(q.tensor(scales).constant->as<float>()[c], c < 4 ? 0.5f : c < 9 ? 0.25f : 0.125f) << c;
  EXPECT_NE(q.findTensor("m/encode"), kNoTensor) << "the member in floats is encoded";
}

TEST(Precision, ChannelsBelowTheThresholdGetFinerScalesByPowersOfTwo) {
  const Graph g = normNetwork();
  const HostTensor x = spreadTensor({1, 3, 8, 8}, 9);
  EXPECT_EQ(tensorsWithChannelScales(g), (std::vector<std::string>{"norm"}));
  Calibration calibration = calibrationBy(g, x);
  calibration.scales["norm"] = 1.0f / 127;
  // Below: the threshold, hairs above and below half of it, and of an eighth, nothing.
  calibration.channelPeaks["norm"] = {2, 1, 0.5001f, 0.4999f, 0.126f, 0.1249f, 0.01f, 0, 1, 1, 1, 1};
  const Int8Plan plan = planInt8(g, calibration, PrecisionOptions());
  EXPECT_EQ(plan.channels.at(g.findTensor("norm")).factor,
            (std::vector<float>{1, 1, 1, 0.5f, 0.25f, 0.125f, 0.125f, 0.125f, 1, 1, 1, 1}));
  EXPECT_EQ(plan.channelScale(g.findTensor("norm"), 3), 0.5f / 127);
  // Layers that read the channels multiply their weights with the same powers of two.
  const Layer& reader = g.layers()[g.producer(g.findTensor("c"))];
  const HostTensor before = *g.tensor(reader.inputs[1]).constant, after = weightsToCode(g, reader, plan);
  for (int i = 0; i < 144; ++i)
    EXPECT_EQ(after.as<float>()[i],
              before.as<float>()[i] * plan.channels.at(g.findTensor("norm")).factor[i % 12]);

  Calibration measured = calibrationBy(g, x), wide = measured;
  const auto norm = evaluateTensors(g, {{"x", x}}, {g.findTensor("norm")})[0];
  for (int c = 0; c < 12; ++c) {
    float peak = 0;
    for (int i = 0; i < 64; ++i) peak = std::max(peak, std::abs(norm.as<float>()[c * 64 + i]));
    measured.channelPeaks["norm"].push_back(peak);
  }
  const auto error = [&](const Calibration& by) {
    const auto exact = evaluate(g, {{"x", x}})[0], coded = evaluate(assignInt8(g, by, {}), {{"x", x}})[0];
    double sum = 0;
    for (std::int64_t i = 0; i < exact.size(); ++i) sum += std::pow(exact.number(i) - coded.number(i), 2);
    return sum;
  };
  EXPECT_LT(error(measured), error(wide));
  measured.channelPeaks["norm"].pop_back();
  EXPECT_THROW(assignInt8(g, measured, {}), Error);
}

// Models with scales of their own need not give one to every tensor.
TEST(Precision, KeepsLayersByNameAndSaysWhy) {
  const Graph g = network();
  const Calibration calibration = calibrationBy(g, spreadTensor({1, 3, 8, 8}, 9));
  std::vector<LayerPrecision> report;
  const Graph q = assignInt8(g, calibration, {{"conv2"}, true}, &report);
  EXPECT_NE(report[0].precision, Precision::Int8);
  EXPECT_EQ(report[1].reason, "kept fp32 by option");
  EXPECT_EQ(report[2].precision, Precision::Int8);
  EXPECT_NE(report[4].precision, Precision::Int8);
  EXPECT_THROW(assignInt8(g, calibration, {{"no such layer"}, false}), Error);
}

TEST(Precision, WhatInt8LeavesRunsInHalfWhereThatIsAskedFor) {
  const Graph g = network();
  const HostTensor x = spreadTensor({1, 3, 8, 8}, 9);
  Calibration calibration = calibrationBy(g, x);
  calibration.floatLayers = {"conv3"};
  PrecisionOptions options{{"conv2"}, false, Precision::Fp16};
  std::vector<LayerPrecision> report;
  const Graph q = assignInt8(g, calibration, options, &report);
  const auto precisionOf = [&](const char* layer) {
    return std::ranges::find(report, layer, &LayerPrecision::layer)->precision;
  };
  EXPECT_EQ(precisionOf("conv1"), Precision::Int8);
  EXPECT_EQ(precisionOf("conv2"), Precision::Fp32) << "by option";
  EXPECT_EQ(precisionOf("conv3"), Precision::Fp16) << "left by calibration";
  EXPECT_EQ(precisionOf("conv4"), Precision::Int8);
  EXPECT_EQ(q.tensor(q.findTensor("conv2.w")).type, DataType::Float32);
  EXPECT_EQ(q.tensor(q.findTensor("conv3.w")).type, DataType::Float16);
  EXPECT_EQ(q.tensor(q.findTensor("conv4.w")).type, DataType::Int8);
  EXPECT_EQ(q.tensor(q.outputs()[0]).type, DataType::Float32);
  const auto exact = evaluate(g, {{"x", x}})[0], mixed = evaluate(q, {{"x", x}})[0];
  for (std::int64_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(mixed.number(i), exact.number(i), 0.05) << i;
  options.rest = Precision::Fp32;
  const Graph plain = assignInt8(g, calibration, options);
  EXPECT_EQ(plain.tensor(plain.findTensor("conv3.w")).type, DataType::Float32);
  options.rest = Precision::Int8;
  EXPECT_THROW(assignInt8(g, calibration, options), Error);
}

TEST(Precision, APlanIsObeyedLayerByLayer) {
  const Graph g = network();
  const HostTensor x = spreadTensor({1, 3, 8, 8}, 9);
  const Calibration calibration = calibrationBy(g, x);
  PrecisionPlan plan = planByRules(g, Precision::Int8, {});
  ASSERT_EQ(plan.layers.size(), 5u);
  plan.layers[0] = {Precision::Fp16, "so it was measured"};
  plan.layers[3] = {Precision::Fp32, "its codes do not pay"};
  const Network made = assignPrecisions(g, plan, &calibration);
  EXPECT_EQ(made.precisions[0].precision, Precision::Fp16);
  EXPECT_EQ(made.precisions[0].reason, "so it was measured");
  EXPECT_EQ(made.precisions[1].precision, Precision::Int8);
  EXPECT_EQ(made.precisions[3].precision, Precision::Fp32) << "a concat moves codes or floats";
  EXPECT_EQ(made.precisions[3].reason, "its codes do not pay");
  EXPECT_EQ(made.graph.tensor(made.graph.findTensor("cat")).type, DataType::Float32);
  EXPECT_THROW(assignPrecisions(g, plan, nullptr), Error) << "codes want a calibration";
  plan = planByRules(g, Precision::Fp32, {});
  EXPECT_EQ(assignPrecisions(g, plan, nullptr).graph.text(), g.text());
}

TEST(Precision, RefusesBadScales) {
  const Graph g = network();
  for (const float bad : {0.0f, -1.0f, INFINITY, NAN}) {
    Calibration calibration = calibrationBy(g, spreadTensor({1, 3, 8, 8}, 9));
    calibration.scales["conv1"] = bad;
    try {
      assignInt8(g, calibration, {});
      ADD_FAILURE() << "accepted " << bad;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::BadCache);
      EXPECT_NE(std::string(e.what()).find("conv1"), std::string::npos);
    }
  }
  Calibration missing = calibrationBy(g, spreadTensor({1, 3, 8, 8}, 9));
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

// Convolutions with and without activations, a sum, a maximum, a chain, concats before a chain and a
// convolution; output channels of very different range.
Graph channelNetwork() {
  Graph g;
  g.name = "channels";
  const auto conv = [&](const char* name, TensorId x, std::int64_t in, std::int64_t kernel,
                        const char* activation, TensorId residual = kNoTensor) {
    HostTensor w = spreadTensor({8, in, kernel, kernel}, static_cast<unsigned>(in + kernel), 0.5f);
    const std::int64_t each = w.size() / 8;
    for (std::int64_t i = 0; i < w.size(); ++i)
      w.as<float>()[i] *= std::ldexp(1.1f, -static_cast<int>(i / each % 5));
    const std::int64_t pad = kernel / 2;
    std::vector<TensorId> inputs{x, g.addConstant(std::string(name) + ".w", std::move(w)),
                                 g.addConstant(std::string(name) + ".b", spreadTensor({8}, 3))};
    if (residual != kNoTensor) inputs.push_back(residual);
    Attributes attrs{{"pads", std::vector<std::int64_t>{pad, pad, pad, pad}}};
    if (*activation) attrs.set("activation", std::string(activation));
    return g.add("Convolution", name, inputs, attrs, {std::string(name) + ".out"});
  };
  const TensorId x = g.addInput("x", DataType::Float32, {1, 3, 12, 16});
  const TensorId a = conv("a", x, 3, 3, "Relu");
  const TensorId pooled = g.add("Pool", "pool", {a},
                                {{"mode", std::string("max")},
                                 {"kernel", std::vector<std::int64_t>{2, 2}},
                                 {"strides", std::vector<std::int64_t>{2, 2}}},
                                {"pooled"});
  const TensorId b = conv("b", pooled, 8, 3, "");
  const TensorId sum = conv("sum", pooled, 8, 1, "", b);
  const TensorId both = g.add("Concat", "both", {b, sum}, {{"axis", 1}}, {"both"});
  const TensorId norm = g.add("Pointwise", "chain",
                              {both, g.addConstant("n.s", spreadTensor({16, 1, 1}, 5, 3)),
                               g.addConstant("n.b", spreadTensor({16, 1, 1}, 6, 2))},
                              {{"expression", "t0=Mul(x0,x1);t1=Add(t0,x2)"}}, {"norm"});
  const TensorId d = conv("d", norm, 16, 1, "Relu");
  const TensorId joined = g.add("Concat", "joined", {d, pooled}, {{"axis", 1}}, {"joined"});
  g.markOutput(conv("last", joined, 16, 3, ""));
  return g;
}

const ChannelGroup* groupOf(const Graph& g, const std::vector<ChannelGroup>& groups, const char* name) {
  for (const auto& group : groups)
    if (std::ranges::find(group.tensors, g.findTensor(name)) != group.tensors.end()) return &group;
  return nullptr;
}

bool mayHaveOffsets(const Graph& g, const std::vector<ChannelGroup>& groups, const char* name) {
  const ChannelGroup& group = *groupOf(g, groups, name);
  const auto at = std::ranges::find(group.tensors, g.findTensor(name)) - group.tensors.begin();
  return group.offsets[static_cast<std::size_t>(at)];
}

// What channels reach for x, and scales for the farthest.
Calibration rangesOf(const Graph& g, const HostTensor& x) {
  Calibration calibration = calibrationBy(g, x);
  for (const ChannelGroup& group : channelGroups(g, planWithChannels(g, {}, {})))
    for (std::size_t t = 0; t < group.tensors.size(); ++t) {
      const HostTensor value = evaluateTensors(g, {{"x", x}}, {group.tensors[t]})[0];
      const std::int64_t channels = value.shape[1], each = value.size() / channels;
      std::vector<float> reach(static_cast<std::size_t>(2 * channels), 0.0f);
      float most = 0;
      for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t i = c * each; i < (c + 1) * each; ++i) {
          reach[c] = std::max(reach[c], -value.as<float>()[i]);
          reach[channels + c] = std::max(reach[channels + c], value.as<float>()[i]);
        }
        most = std::max(most, group.offsets[t] ? (reach[c] + reach[channels + c]) / 2
                                               : std::max(reach[c], reach[channels + c]));
      }
      const std::string& name = g.tensor(group.tensors[t]).name;
      calibration.scales[name] = most / 127;
      calibration.channelPeaks[name] = reach;
    }
  // A maximum and what it is of share one scale.
  calibration.scales["pooled"] = calibration.scales["a.out"];
  return calibration;
}

double errorOf(const Graph& g, const Calibration& calibration, const HostTensor& x,
               const PrecisionOptions& options = {}) {
  const auto exact = evaluate(g, {{"x", x}})[0],
             coded = evaluate(assignInt8(g, calibration, options), {{"x", x}})[0];
  double difference = 0, power = 0;
  for (std::int64_t i = 0; i < exact.size(); ++i) {
    difference += std::pow(exact.number(i) - coded.number(i), 2);
    power += std::pow(exact.number(i), 2);
  }
  return difference / power;
}

TEST(ChannelCodes, GroupsFollowSumsAndMaxima) {
  const Graph g = channelNetwork();
  const auto groups = channelGroups(g, planWithChannels(g, {}, {}));
  for (const char* name : {"a.out", "pooled", "b.out", "sum.out", "norm", "d.out"})
    ASSERT_NE(groupOf(g, groups, name), nullptr) << name;
  EXPECT_EQ(groupOf(g, groups, "a.out"), groupOf(g, groups, "pooled"));
  EXPECT_EQ(groupOf(g, groups, "b.out"), groupOf(g, groups, "sum.out"));
  EXPECT_NE(groupOf(g, groups, "norm"), groupOf(g, groups, "b.out"));
  EXPECT_EQ(groupOf(g, groups, "x"), nullptr) << "no layer writes it";
  // A window that sees padding wants a code of zero; what an activation gives can not be moved.
  EXPECT_TRUE(mayHaveOffsets(g, groups, "norm"));
  EXPECT_TRUE(mayHaveOffsets(g, groups, "b.out"));
  EXPECT_FALSE(mayHaveOffsets(g, groups, "pooled"));
  EXPECT_FALSE(mayHaveOffsets(g, groups, "d.out"));
}

TEST(ChannelCodes, RangesOfChannelsAreMoreExactThanOneScale) {
  const Graph g = channelNetwork();
  const HostTensor x = spreadTensor({1, 3, 12, 16}, 9, 2);
  const Calibration ranges = rangesOf(g, x);
  const Int8Plan plan = planInt8(g, ranges, PrecisionOptions());
  ASSERT_TRUE(plan.channels.count(g.findTensor("b.out")));
  EXPECT_EQ(plan.channels.at(g.findTensor("b.out")).factor, plan.channels.at(g.findTensor("sum.out")).factor);
  EXPECT_FALSE(plan.channels.at(g.findTensor("norm")).offset.empty());
  EXPECT_TRUE(plan.members.count(g.findTensor("joined")))
      << "a convolution reads members of different scales";
  EXPECT_LT(errorOf(g, ranges, x), 0.5 * errorOf(g, calibrationBy(g, x), x));
}

// With another layer in floats by the caller, a cache still gives a network that is right.
TEST(ChannelCodes, RangesServeWhereTheCallerKeepsLayersInFloats) {
  const Graph g = channelNetwork();
  const HostTensor x = spreadTensor({1, 3, 12, 16}, 10, 2);
  const Calibration ranges = rangesOf(g, x);
  for (const char* layer : {"a", "b", "sum", "chain", "d", "last"}) {
    PrecisionOptions options;
    options.keepFp32 = {layer};
    EXPECT_LT(errorOf(g, ranges, x, options), 3e-3) << layer;
  }
}

TEST(ChannelCodes, RefusesRangesOfAnotherNumberOfChannels) {
  const Graph g = channelNetwork();
  Calibration ranges = rangesOf(g, spreadTensor({1, 3, 12, 16}, 9, 2));
  ranges.channelPeaks["norm"].pop_back();
  EXPECT_THROW(planInt8(g, ranges, PrecisionOptions()), Error);
}

TEST(WeightCodes, StepsOfACacheMoveTheNearestCodes) {
  const Graph g = channelNetwork();
  const HostTensor x = spreadTensor({1, 3, 12, 16}, 9, 2);
  Int8Plan plan = planInt8(g, calibrationBy(g, x), PrecisionOptions());
  const Layer& layer = *std::ranges::find(g.layers(), "a", &Layer::name);
  const CodedWeights nearest = weightCodesOf(g, layer, plan);
  std::vector<std::int8_t> steps(static_cast<std::size_t>(nearest.codes.size()));
  for (std::size_t i = 0; i < steps.size(); ++i)
    steps[i] = static_cast<std::int8_t>(static_cast<int>(i % 3) - 1);
  plan.weightSteps["a"] = steps;
  const CodedWeights moved = weightCodesOf(g, layer, plan);
  EXPECT_EQ(moved.scales, nearest.scales);
  for (std::int64_t i = 0; i < moved.codes.size(); ++i)
    EXPECT_EQ(moved.codes.number(i), std::clamp(nearest.codes.number(i) + steps[i], -127.0, 127.0));
  plan.weightSteps["a"].pop_back();
  try {
    weightCodesOf(g, layer, plan);
    FAIL() << "a step is missing";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::BadCache);
    EXPECT_NE(std::string(e.what()).find("'a'"), std::string::npos) << e.what();
  }
}

TEST(WeightCodes, RoundingBySumsCancelsWithinTheTapsOfAChannel) {
  const HostTensor w = spreadTensor({6, 5, 3, 3}, 4);
  const CodedWeights nearest = encodeWeights(w, 0, 1);
  CodedWeights by = nearest;
  roundBySums(by, w, [](std::int64_t i) { return WeightPlace{i / 45, i % 45 / 9}; });
  double before = 0, after = 0;
  for (std::int64_t channel = 0; channel < 30; ++channel) {
    double a = 0, b = 0;
    for (std::int64_t i = channel * 9; i < channel * 9 + 9; ++i) {
      const double wanted = w.number(i) / static_cast<double>(nearest.scales[channel / 5]);
      EXPECT_LE(std::abs(by.codes.number(i) - nearest.codes.number(i)), 1);
      a += nearest.codes.number(i) - wanted, b += by.codes.number(i) - wanted;
    }
    before += a * a, after += b * b;
  }
  EXPECT_LT(after, 0.3 * before);
}

}  // namespace
}  // namespace tessera
