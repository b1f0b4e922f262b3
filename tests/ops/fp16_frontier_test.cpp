// Layers left in fp16 where INT8 harms most: what is offered, taken, and kept in the cache.
#include <gtest/gtest.h>

#include <cmath>

#include "tessera/calibration_cache.hpp"
#include "tessera/calibrator.hpp"
#include "tessera/passes.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera::test {
namespace {

class Images final : public Calibrator {
 public:
  int batchSize() const override { return 1; }
  bool nextBatch(TensorMap& inputs) override {
    if (next_ == 16) return false;
    inputs = {{"x", portableRandom({1, 3, 12, 12}, ++next_, -2, 2)}};
    return true;
  }

 private:
  unsigned next_ = 0;
};

// Three convolutions; what the second adds to is a thousand times as large as what the third makes of it.
Graph network() {
  Graph g;
  g.name = "one harmful layer";
  TensorId x = g.addInput("x", DataType::Float32, {1, 3, 12, 12});
  for (int i = 0; i < 3; ++i) {
    const std::string name = "conv" + std::to_string(i);
    HostTensor bias(DataType::Float32, {8});
    if (i == 1)
      for (float& v : bias.as<float>()) v = 300;
    HostTensor w = portableRandom({8, i ? 8 : 3, 3, 3}, static_cast<unsigned>(i + 1), -0.3f, 0.3f);
    if (i == 2)  // sums of weights are 0: only differences of its input count
      for (std::int64_t k = 0; k < w.size(); k += 72) {
        float sum = 0;
        for (std::int64_t j = k; j < k + 72; ++j) sum += w.as<float>()[j];
        for (std::int64_t j = k; j < k + 72; ++j) w.as<float>()[j] -= sum / 72;
      }
    x = g.add("Convolution", name,
              {x, g.addConstant(name + ".w", std::move(w)), g.addConstant(name + ".b", std::move(bias))},
              {{"activation", std::string("Relu")}}, {name + ".out"});
  }
  g.markOutput(x);
  return g;
}

TEST(Fp16Frontier, OffersAndTakesLayersThatInt8Harms) {
  Images images;
  CalibrationOptions options;
  options.fp16Share = 0.9;
  const CalibrationResult result = calibrate(network(), device(), images, options);
  ASSERT_GE(result.frontier.size(), 2u) << result.chosen;
  EXPECT_TRUE(result.frontier[0].layers.empty());
  for (std::size_t i = 0; i < result.frontier.size(); ++i) {
    const Fp16Choice& choice = result.frontier[i];
    EXPECT_LE(choice.share, 0.9);
    EXPECT_GT(choice.milliseconds, 0);
    EXPECT_LE(choice.damage.error, choice.worst.error);
    if (i > 0) {
      EXPECT_GT(choice.share, result.frontier[i - 1].share);
      EXPECT_GT(choice.layers.size(), result.frontier[i - 1].layers.size());
    }
  }
  EXPECT_LT(result.frontier.back().damage.error, result.frontier[0].damage.error);
  ASSERT_FALSE(result.calibration.halfLayers.empty());
  // The cache keeps them in fp16 wherever it goes, whatever the rest runs in.
  const Calibration read = parseAnyCalibration(calibrationText(result.calibration), "the cache");
  Graph optimized = network();
  optimize(optimized);
  std::vector<LayerPrecision> layers;
  assignInt8(optimized, read, {}, &layers);
  for (const LayerPrecision& layer : layers)
    EXPECT_EQ(layer.precision == Precision::Fp16, result.calibration.halfLayers.count(layer.layer) > 0)
        << layer.layer;
}

TEST(Fp16Frontier, NamesLayersThatKeepOutputsBelow25Decibels) {
  Images images;
  const CalibrationResult result = calibrate(network(), device(), images);
  EXPECT_TRUE(result.frontier.empty());
  EXPECT_TRUE(result.calibration.halfLayers.empty());
  ASSERT_GT(result.damage.at("auto").error, 3.2e-3) << "the network is not harmed enough to test this";
  ASSERT_FALSE(result.harmful.empty());
  EXPECT_EQ(result.harmful[0].layers, std::vector<std::string>{"conv2"});
  EXPECT_LT(result.harmful[0].damage.error, result.damage.at("auto").error);
}

}  // namespace
}  // namespace tessera::test
