// Rounding weights by what their layers read: layers of every kind of window then give less error on images
// that the moments are not of.
#include "calib/weight_rounding.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "graph/evaluate.hpp"
#include "tessera/calibration_cache.hpp"
#include "tessera/calibrator.hpp"
#include "tessera/passes.hpp"
#include "tests/ops/calibrated_bits.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

using namespace test;

struct Kind {
  const char *name, *op;
  Shape input, weights;
  Attributes attrs;
};

std::vector<Kind> kinds() {
  using Integers = std::vector<std::int64_t>;
  return {{"1x1", "Convolution", {1, 24, 20, 18}, {20, 24, 1, 1}, {}},
          {"3x3", "Convolution", {1, 8, 20, 18}, {20, 8, 3, 3}, {{"pads", Integers{1, 1, 1, 1}}}},
          {"strided", "Convolution", {1, 8, 20, 18}, {6, 8, 3, 3}, {{"strides", Integers{2, 2}}}},
          {"dilated", "Convolution", {1, 8, 20, 18}, {6, 8, 3, 3}, {{"dilations", Integers{2, 2}}}},
          {"groups", "Convolution", {1, 8, 20, 18}, {6, 4, 3, 3}, {{"group", std::int64_t{2}}}},
          {"depthwise", "Convolution", {1, 8, 20, 18}, {8, 1, 5, 5}, {{"group", std::int64_t{8}}}},
          {"transposed", "Deconvolution", {1, 8, 10, 9}, {8, 6, 4, 4}, {{"strides", Integers{2, 2}}}},
          {"transposed groups",
           "Deconvolution",
           {1, 8, 10, 9},
           {8, 3, 4, 4},
           {{"strides", Integers{2, 2}}, {"group", std::int64_t{2}}}},
          {"of rows", "Convolution", {1, 8, 60}, {6, 8, 5}, {}}};
}

Graph networkOf(const Kind& kind) {
  Graph g;
  g.name = kind.name;
  const TensorId x = g.addInput("x", DataType::Float32, kind.input);
  g.markOutput(g.add(kind.op, "layer", {x, g.addConstant("w", portableRandom(kind.weights, 3, -1, 1))},
                     kind.attrs, {"y"}));
  return g;
}

// Smooth images whose channels are mixtures of three.
HostTensor smoothImage(const Shape& shape, unsigned seed) {
  HostTensor image(DataType::Float32, shape);
  const HostTensor phases = portableRandom({3, 3}, seed, 0, 6.28f),
                   mixes = portableRandom({shape[1], 4}, 77, -1, 1);
  const std::int64_t width = shape.back(), places = elementCount(shape) / shape[1];
  for (std::int64_t c = 0; c < shape[1]; ++c)
    for (std::int64_t i = 0; i < places; ++i) {
      double sum = mixes.number(c * 4 + 3);
      for (std::int64_t k = 0; k < 3; ++k)
        sum += mixes.number(c * 4 + k) * std::sin(0.3 * static_cast<double>(i / width) + phases.number(k)) *
               std::cos(0.4 * static_cast<double>(i % width) + phases.number(k + 3));
      image.as<float>()[c * places + i] = static_cast<float>(sum);
    }
  return image;
}

double errorWith(const Graph& network, const Int8Plan& plan, const HostTensor& x) {
  Graph rounded = network;
  const Layer& layer = network.layers()[0];
  const WeightAxis axis = weightAxis(layer);
  rounded.tensor(layer.inputs[1]).constant = std::make_shared<HostTensor>(
      weightsFromCodes(weightCodesOf(network, layer, plan), axis.axis, axis.groups));
  const auto wanted = evaluate(network, {{"x", x}})[0], got = evaluate(rounded, {{"x", x}})[0];
  double sum = 0;
  for (std::int64_t i = 0; i < wanted.size(); ++i) sum += std::pow(got.number(i) - wanted.number(i), 2);
  return sum;
}

Int8Plan planOf(const Graph& network) {
  Calibration calibration;
  for (const auto& name : tensorsToCalibrate(network)) calibration.scales[name] = 1;
  return planInt8(network, calibration, PrecisionOptions());
}

TEST(WeightRounding, EveryKindOfWindowErrsLessOnOtherImages) {
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    const Graph network = networkOf(kind);
    InputMoments moments(network, 4);
    for (int i = 0; i < 6; ++i)
      moments.add(i, "x", smoothImage(kind.input, static_cast<unsigned>(i) + 1).as<float>(), nullptr);
    Int8Plan plan = planOf(network);
    const HostTensor other = smoothImage(kind.input, 99);
    const double nearest = errorWith(network, plan, other);
    plan.weightSteps = roundedWeights(network, plan, moments.without(-1));
    ASSERT_EQ(plan.weightSteps.size(), 1u);
    for (const std::int8_t step : plan.weightSteps.at("layer")) EXPECT_LE(std::abs(step), 1);
    EXPECT_LT(errorWith(network, plan, other), 0.35 * nearest);
  }
}

TEST(WeightRounding, PartsOfTheSamplesCanBeLeftOut) {
  const Graph network = networkOf(kinds()[1]);
  InputMoments four(network, 4), two(network, 4);
  for (int i = 0; i < 4; ++i) {
    const HostTensor image = smoothImage({1, 8, 20, 18}, static_cast<unsigned>(i));
    four.add(i, "x", image.as<float>(), nullptr);
    if (i < 2) two.add(i, "x", image.as<float>(), nullptr);
  }
  const auto sum = [](const std::map<std::string, LayerMoments>& moments) {
    double total = 0;
    for (const float v : moments.at("layer")[0].channelMoments.values) total += static_cast<double>(v);
    return total;
  };
  EXPECT_NEAR(sum(four.without(-1)) - sum(four.without(1)), sum(two.without(-1)) - sum(two.without(1)), 1e-2);
}

class SmoothBatches final : public Calibrator {
 public:
  explicit SmoothBatches(int count) : count_(count) {}
  int batchSize() const override { return 1; }
  bool nextBatch(TensorMap& inputs) override {
    if (next_ == count_) return false;
    inputs = {{"x", smoothImage({1, 8, 20, 18}, static_cast<unsigned>(++next_))}};
    return true;
  }

 private:
  int count_, next_ = 0;
};

// Calibrating takes it where it helps; the cache holds what gives the same bits on every device.
TEST(WeightRounding, AutoRoundsByInputsAndTheCacheKeepsIt) {
  Graph network;
  network.name = "smooth";
  TensorId x = network.addInput("x", DataType::Float32, {1, 8, 20, 18});
  for (const char* name : {"a", "b"})
    x = network.add(
        "Convolution", name,
        {x, network.addConstant(std::string(name) + ".w", portableRandom({8, 8, 3, 3}, 5, -1, 1))},
        {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}, {std::string(name) + ".out"});
  network.markOutput(x);
  SmoothBatches images(16), few(3);
  const CalibrationResult result = calibrate(network, device(), images);
  ASSERT_NE(result.chosen.find("weights rounded by their inputs"), std::string::npos) << result.chosen;
  EXPECT_EQ(result.calibration.weightSteps.size(), 2u);
  const Calibration read = parseAnyCalibration(calibrationText(result.calibration), "the cache");
  EXPECT_EQ(read.weightSteps, result.calibration.weightSteps);
  test::expectReferenceBits(network, read, {{"x", smoothImage({1, 8, 20, 18}, 99)}});
  // Nothing is left to judge by.
  EXPECT_TRUE(calibrate(network, device(), few).calibration.weightSteps.empty());
}

}  // namespace
}  // namespace tessera
