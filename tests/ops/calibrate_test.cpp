// Calibrating a small network on a device: what is found, what is reported, and caches used elsewhere.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "calib/statistics_run.hpp"
#include "exec/packed_outputs.hpp"
#include "graph/evaluate.hpp"
#include "lower/precision.hpp"
#include "tessera/calibration_cache.hpp"
#include "tessera/calibrator.hpp"
#include "tessera/passes.hpp"
#include "tests/ops/calibrated_bits.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

using namespace test;

class RandomBatches final : public Calibrator {
 public:
  explicit RandomBatches(int count) : count_(count) {}
  int batchSize() const override { return 2; }
  int batchCount() const override { return count_; }
  bool nextBatch(TensorMap& inputs) override {
    if (next_ == count_) return false;
    inputs = {{"x", portableRandom({2, 3, 37, 31}, static_cast<unsigned>(++next_), -2, 2)}};
    return true;
  }
  std::string readCache() override { return cache; }
  void writeCache(const std::string& text) override { cache = text; }
  std::string cache;

 private:
  int count_, next_ = 0;
};

double fp32Share(const Graph& network, const Calibration& calibration) {
  std::vector<LayerPrecision> report;
  Graph optimized = network;
  optimize(optimized);
  assignInt8(optimized, calibration, {}, &report);
  double all = 0, floats = 0;
  for (const auto& layer : report) {
    all += layer.multiplyAdds;
    if (layer.precision != Precision::Int8) floats += layer.multiplyAdds;
  }
  return floats / all;
}

TEST(Calibrate, FindsLargestValuesAsTheHostDoes) {
  const Graph network = int8Network();
  Graph optimized = network;
  optimize(optimized);
  const auto names = tensorsToCalibrate(optimized);
  std::vector<TensorId> ids;
  for (const auto& name : names) ids.push_back(optimized.findTensor(name));
  std::map<std::string, float> tops;
  RandomBatches source(3);
  for (TensorMap batch; source.nextBatch(batch);) {
    const auto values = evaluateTensors(optimized, batch, ids);
    for (std::size_t i = 0; i < names.size(); ++i)
      for (const float v : values[i].as<float>()) tops[names[i]] = std::max(tops[names[i]], std::abs(v));
  }
  for (const Device& device : devices()) {
    RandomBatches batches(3);
    CalibrationOptions options;
    options.method = CalibrationMethod::MinMax;
    const CalibrationResult result = calibrate(network, device, batches, options);
    EXPECT_EQ(result.batches, 3);
    ASSERT_EQ(result.calibration.scales.size(), names.size());
    for (const auto& [name, scale] : result.calibration.scales)
      EXPECT_NEAR(scale * 127, tops.at(name), 1e-4f * tops.at(name)) << name;
  }
}

TEST(Calibrate, AutoIsNoWorseThanAnyMethodAndReportsThemAll) {
  const Graph network = int8Network();
  RandomBatches batches(6);
  CalibrationOptions options;
  options.fp32Share = 0.1;
  const CalibrationResult result = calibrate(network, device(), batches, options);
  for (const char* name : {"minmax", "percentile", "mse", "entropy", "auto"})
    ASSERT_TRUE(result.damage.count(name)) << name;
  for (const auto& [name, damage] : result.damage) {
    EXPECT_TRUE(std::isfinite(damage.error)) << name;
    EXPECT_GT(damage.error, 0) << name;
  }
  // Auto weighs errors and changed classes against each other: it is not worse in both.
  const CalibrationDamage& best = result.damage.at("auto");
  for (const auto& [name, damage] : result.damage) {
    if (name.starts_with("unseen")) continue;  // on other images
    EXPECT_TRUE(best.error <= damage.error || best.changed <= damage.changed) << name;
  }
  EXPECT_LE(fp32Share(network, result.calibration), 0.1);
  EXPECT_FALSE(result.chosen.empty());
}

TEST(Calibrate, KeepsEveryLayerInInt8UnlessToldOtherwise) {
  const Graph network = int8Network();
  RandomBatches batches(4);
  EXPECT_EQ(fp32Share(network, calibrate(network, device(), batches).calibration), 0);
}

// Deploying: the text of a cache made on one device, on each device without data.
TEST(Calibrate, ACacheGivesTheSameBitsEverywhere) {
  const Graph network = int8Network();
  RandomBatches batches(3);
  calibrate(network, device(), batches);
  RandomBatches none(0);
  none.cache = batches.cache;
  const auto cached = calibrate(network, device(), none);
  EXPECT_TRUE(cached.fromCache);
  Graph optimized = network;
  optimize(optimized);
  const Calibration read = parseAnyCalibration(batches.cache, "the cache");
  const Graph quantised = assignInt8(optimized, read, {});
  const auto wanted = evaluate(quantised, int8NetworkInput());
  EngineOptions options;
  options.precision = Precision::Int8;
  options.calibration = read;
  for (const Device& device : devices()) {
    Context context(Engine::build(network, device, options));
    const TensorMap got = context.run(int8NetworkInput());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_EQ(got.at(quantised.tensor(quantised.outputs()[i]).name).data, wanted[i].data)
          << device.caps().name;
  }
}

TEST(Calibrate, RefusesNoDataAndForeignCaches) {
  const Graph network = int8Network();
  RandomBatches none(0);
  EXPECT_THROW(calibrate(network, device(), none), Error);
  Calibration foreign = int8NetworkCalibration(network);
  foreign.graphHash = 12345;
  none.cache = calibrationText(foreign);
  try {
    calibrate(network, device(), none);
    FAIL() << "a cache of another network was taken";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::BadCache);
  }
}

// Batches as given, with names.
class GivenBatches final : public Calibrator {
 public:
  explicit GivenBatches(std::vector<HostTensor> batches) : batches_(std::move(batches)) {}
  int batchSize() const override { return 1; }
  bool nextBatch(TensorMap& inputs) override {
    if (next_ == batches_.size()) return false;
    inputs = {{"x", batches_[next_++]}};
    return true;
  }
  std::string lastBatch() const override { return named ? "image " + std::to_string(next_) + ".png" : ""; }
  int batchCount() const override { return counted ? static_cast<int>(batches_.size()) : 0; }
  bool named = true, counted = false;

 private:
  std::vector<HostTensor> batches_;
  std::size_t next_ = 0;
};

constexpr std::int64_t kSide = 37;  // odd, so that vectors of 16 do not fit

// A convolution 1x1 that multiplies with `factor`.
Graph scaling(float factor) {
  Graph graph;
  graph.name = "scaling";
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, kSide, kSide});
  HostTensor weights(DataType::Float32, {3, 3, 1, 1});
  for (int c = 0; c < 3; ++c) weights.as<float>()[c * 4] = factor;
  const TensorId y = graph.add("Convolution", "conv", {x, graph.addConstant("w", std::move(weights))},
                               {{"strides", std::vector<std::int64_t>{1, 1}}}, {"y"});
  graph.markOutput(graph.add("Convolution", "next",
                             {y, graph.addConstant("v", portableRandom({3, 3, 1, 1}, 5, -1, 1))},
                             {{"strides", std::vector<std::int64_t>{1, 1}}}, {"z"}));
  return graph;
}

HostTensor randomImage(unsigned seed, float span) {
  return portableRandom({1, 3, kSide, kSide}, seed, -span, span);
}

TEST(Calibrate, NamesTensorAndImageOfWhatIsNotFinite) {
  struct Case {
    float odd;
    std::size_t place;  // the first, one between, the last behind the vectors of 16
    CalibrationMethod method;
  };
  for (const Device& device : devices())
    for (const auto& [odd, place, method] :
         {Case{INFINITY, 0, CalibrationMethod::MinMax},
          Case{NAN, 2 * kSide * kSide + 5, CalibrationMethod::Auto},
          Case{-INFINITY, 3 * kSide * kSide - 1, CalibrationMethod::Entropy}}) {
      std::vector<HostTensor> images{randomImage(1, 2), randomImage(2, 2), randomImage(3, 2)};
      images[1].as<float>()[place] = odd;
      GivenBatches batches(images);
      CalibrationOptions options;
      options.method = method;
      try {
        calibrate(scaling(1), device, batches, options);
        ADD_FAILURE() << odd << " at " << place << " was calibrated";
      } catch (const Error& e) {
        const std::string text = e.what();
        EXPECT_EQ(e.code(), ErrorCode::InvalidArgument);
        EXPECT_NE(text.find("'x'"), std::string::npos) << text;
        EXPECT_NE(text.find("image 2.png"), std::string::npos) << text;
        EXPECT_NE(text.find("holds 1 "), std::string::npos) << text;
      }
    }
}

TEST(Calibrate, NamesAnInnerTensorThatOverflowsAndTheNumberOfItsBatch) {
  GivenBatches batches({randomImage(1, 2), randomImage(2, 1e38f)});
  batches.named = false;
  try {
    calibrate(scaling(1e6f), device(), batches);
    FAIL() << "infinities were calibrated";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("'y'"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("batch 2"), std::string::npos) << e.what();
  }
}

// Tensors whose channels are likely to get ranges are not counted for every batch; the largest value is of
// all of them, and so is the look for what is not finite.
TEST(Calibrate, HistogramsOfSomeBatchesKnowTheLargestOfAll) {
  constexpr int kBatches = 96, kLargest = 5;
  const Graph network = scaling(1e6f);
  std::vector<HostTensor> images;
  for (unsigned i = 0; i < kBatches; ++i) images.push_back(randomImage(i + 1, i == kLargest ? 7.0f : 2.0f));
  StatisticsWanted wanted;
  wanted.extremes = wanted.seldomHistograms = {"y"};
  wanted.keep = 12;
  const auto run = [&] {
    GivenBatches batches(images);
    batches.named = false, batches.counted = true;
    return runStatistics(network, device(), batches, wanted, {});
  };
  float largest = 0;
  for (const float v : images[kLargest].as<float>()) largest = std::max(largest, std::abs(v * 1e6f));
  const TensorStatistics found = run();
  const AbsHistogram& histogram = found.histograms.at("y");
  EXPECT_NEAR(histogram.limit / static_cast<double>(largest), 1, 1e-5);
  EXPECT_EQ(std::accumulate(histogram.counts.begin(), histogram.counts.end(), std::int64_t{0}),
            kBatches / 4 * images[0].size());
  EXPECT_EQ(found.extremes.at("y").high.size(), std::size_t{kBatches});
  EXPECT_EQ(found.sampleImages, (std::vector<int>{0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88}));
  images[kLargest] = randomImage(9, 1e38f);
  try {
    run();
    FAIL() << "infinities were calibrated";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("tensor 'y' holds infinities or NaN for batch 6"), std::string::npos)
        << e.what();
  }
}

// Largest values at both ends of what a float holds: scales that can be written, read and used.
// Not what the pass over the data adds to the network.
TEST(PackedOutputs, AreThoseThatTheContextGives) {
  Graph network = int8Network();
  for (const char* more : {"more", "most"})
    network.markOutput(network.add("Relu", more, {network.outputs()[0]}, {}, {std::string(more) + ".out"}));
  const auto engine = Engine::build(network, device());
  const TensorMap inputs{{"x", portableRandom({2, 3, 37, 31}, 5, -2, 2)}};
  const TensorMap expected = Context(engine).run(inputs);
  for (const bool bind : {false, device().caps().subBuffers}) {
    Context context(engine);
    PackedOutputs packed(context, {"more.out"}, bind);
    context.start(inputs);
    const TensorMap read = packed.read();
    EXPECT_EQ(read.size(), expected.size() - 1);
    for (const auto& [name, value] : read) EXPECT_EQ(value.data, expected.at(name).data) << name;
    EXPECT_EQ(context.download("more.out").data, expected.at("more.out").data) << "its own buffer";
  }
}

TEST(Calibrate, AWrongInputIsAnsweredWithTheNetworksInputs) {
  class Misnamed final : public Calibrator {
   public:
    int batchSize() const override { return 2; }
    bool nextBatch(TensorMap& inputs) override {
      inputs = {{"image", portableRandom({2, 3, 37, 31}, 1, -2, 2)}};
      return true;
    }
  } calibrator;
  try {
    calibrate(int8Network(), device(), calibrator);
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "the network has no input 'image'; its inputs are 'x'");
  }
}

TEST(Calibrate, TakesTheLargestAndTheSmallestNumbers) {
  struct Case {
    float span, factor, largest;
    CalibrationMethod method;
  };
  constexpr auto MinMax = CalibrationMethod::MinMax, Auto = CalibrationMethod::Auto;
  const float most = std::numeric_limits<float>::max();
  for (const Device& device : devices())
    for (const auto& [span, factor, largest, method] :
         {Case{most / 4, 0x1p-127f, most, Auto}, Case{0x1p126f, 0x1p-127f, 0x1p127f, MinMax},
          Case{1e-37f, 1e30f, 1e-36f, MinMax}, Case{0, 1, 1e-40f, MinMax}, Case{1e-42f, 1, 1e-42f, Auto}}) {
      std::vector<HostTensor> images{randomImage(1, span), randomImage(2, span)};
      images[1].as<float>()[77] = largest;
      GivenBatches batches(images);
      CalibrationOptions options;
      options.method = method;
      const CalibrationResult result = calibrate(scaling(factor), device, batches, options);
      for (const auto& [name, scale] : result.calibration.scales)
        EXPECT_TRUE(std::isnormal(scale) && scale > 0) << name << " " << scale << " for " << largest;
      const float wanted = largest < 1e-35f ? 1.0f : largest;  // as for zeros
      if (method == MinMax) {
        EXPECT_FLOAT_EQ(result.calibration.scales.at("x"), wanted / 127);
      }
      const std::string text = calibrationText(result.calibration);
      EXPECT_EQ(calibrationText(parseAnyCalibration(text, "the cache")), text);
    }
}

// Batches of `batch` images; the last is filled up with its first ones.
class FilledBatches final : public Calibrator {
 public:
  FilledBatches(std::vector<HostTensor> images, int batch) : images_(std::move(images)), batch_(batch) {}
  int batchSize() const override { return batch_; }
  bool nextBatch(TensorMap& inputs) override {
    if (next_ == images_.size()) return false;
    const std::size_t begin = next_, end = std::min(begin + static_cast<std::size_t>(batch_), images_.size());
    HostTensor all = images_[begin];
    all.shape[0] = batch_;
    all.data = {};
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch_); ++i) {
      const HostTensor& image = images_[begin + i % (end - begin)];
      all.data.append(image.data);
    }
    next_ = end;
    inputs = {{"x", std::move(all)}};
    return true;
  }

 private:
  std::vector<HostTensor> images_;
  int batch_;
  std::size_t next_ = 0;
};

// Every image counts once, however many fill up the last batch.
TEST(Calibrate, ALastBatchThatIsNotFullCountsItsImagesOnce) {
  for (const auto method :
       {CalibrationMethod::MinMax, CalibrationMethod::Percentile, CalibrationMethod::Mse}) {
    CalibrationOptions options;
    options.method = method;
    std::vector<HostTensor> images;
    for (unsigned i = 1; i <= 5; ++i) images.push_back(randomImage(i, static_cast<float>(i)));
    FilledBatches one(images, 1), three(images, 3);
    const Graph network = scaling(1);
    Graph batched;
    batched.name = network.name;
    const TensorId x = batched.addInput("x", DataType::Float32, {3, 3, kSide, kSide});
    TensorId y = x;
    for (const Layer& layer : network.layers())
      y = batched.add(layer.op, layer.name,
                      {y, batched.addConstant(network.tensor(layer.inputs[1]).name,
                                              *network.tensor(layer.inputs[1]).constant)},
                      layer.attrs, {network.tensor(layer.outputs[0]).name});
    batched.markOutput(y);
    EXPECT_EQ(calibrate(network, device(), one, options).calibration.scales,
              calibrate(batched, device(), three, options).calibration.scales)
        << toString(method);
  }
}

// A network whose channels differ: auto finds ranges for them, and every device computes the reference's
// bits.
TEST(Calibrate, FindsRangesOfChannelsThatGiveTheSameBitsEverywhere) {
  Graph network;
  network.name = "channels";
  TensorId x = network.addInput("x", DataType::Float32, {1, 3, kSide, kSide});
  for (int i = 0; i < 3; ++i) {
    HostTensor w = portableRandom({8, i ? 8 : 3, 3, 3}, static_cast<unsigned>(i + 1), -0.5f, 0.5f);
    for (std::int64_t k = 0; k < w.size(); ++k) {  // small channels count as much as large ones
      w.as<float>()[k] *= std::ldexp(1.0f, -static_cast<int>(k / (w.size() / 8) % 6));
      if (i > 0) w.as<float>()[k] *= std::ldexp(1.0f, static_cast<int>(k / 9 % 8 % 6));
    }
    const std::string name = "conv" + std::to_string(i);
    x = network.add("Convolution", name,
                    {x, network.addConstant(name + ".w", std::move(w)),
                     network.addConstant(name + ".b", portableRandom({8}, 7, -0.2f, 0.2f))},
                    {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}, {"activation", std::string("Relu")}},
                    {name + ".out"});
  }
  network.markOutput(x);
  std::vector<HostTensor> images;
  for (unsigned i = 1; i <= 12; ++i) images.push_back(randomImage(i, 2));
  GivenBatches batches(images);
  const CalibrationResult result = calibrate(network, device(), batches);
  ASSERT_EQ(result.calibration.channelPeaks.at("conv1.out").size(), 16u) << result.chosen;
  EXPECT_TRUE(result.damage.count("channels"));
  EXPECT_EQ(result.calibration.least.at("conv1.out"), 0) << "nothing is below 0 behind a ReLU";
  EXPECT_LE(result.damage.at("unseen, mean").error, result.damage.at("unseen, worst").error);
  const Calibration read = parseAnyCalibration(calibrationText(result.calibration), "the cache");
  test::expectReferenceBits(network, read, {{"x", randomImage(99, 2)}});
}

}  // namespace
}  // namespace tessera
