// --precision-choice measured on a device: decided once, the same in every later build, and right.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {
namespace fs = std::filesystem;

// Three convolutions and a sum.
Graph smallNetwork() {
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 16, 12, 12});
  const auto conv = [&](const char* name, TensorId from, unsigned seed) {
    return g.add("Convolution", name,
                 {from, g.addConstant(std::string(name) + ".w",
                                      test::portableRandom({16, 16, 3, 3}, seed, -0.2f, 0.2f))},
                 {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}, {"activation", std::string("Relu")}});
  };
  const TensorId a = conv("a", x, 1), b = conv("b", a, 2);
  g.markOutput(conv("c", g.add("Add", "sum", {a, b}), 3));
  return g;
}

std::vector<bool> int8Layers(const Engine& engine) {
  std::vector<bool> layers;
  for (const LayerPrecision& p : engine.precisions()) layers.push_back(p.precision == Precision::Int8);
  return layers;
}

TEST(PrecisionChoice, IsMeasuredOnceAndKept) {
  const Graph network = smallNetwork();
  const HostTensor x = test::portableRandom({1, 16, 12, 12}, 9, -1, 1);
  for (const Device& device : test::devices()) {
    char name[] = "/tmp/tessera-choice-XXXXXX";
    EngineOptions options;
    options.tuning.folder = fs::path(mkdtemp(name));
    options.tuning.mode = TuneMode::Fast;
    options.tuning.seconds = 3;  // compiling counts
    options.precision = Precision::Int8;
    options.calibration.emplace();
    for (const char* tensor : {"x", "a", "b", "sum"}) options.calibration->scales[tensor] = 4.0f / 127;
    options.tuning.mode = TuneMode::Cached;
    const auto rules = Engine::build(network, device, options);
    options.precisionChoice = PrecisionChoice::Measured;
    const auto undecided = Engine::build(network, device, options);
    EXPECT_EQ(int8Layers(*undecided), int8Layers(*rules)) << "nothing is measured yet";
    options.tuning.mode = TuneMode::Fast;
    const auto first = Engine::build(network, device, options);
    EXPECT_GT(first->tuning().candidates, 0u);
    const auto second = Engine::build(network, device, options);
    EXPECT_EQ(second->tuning().candidates, 0u) << "a second build measures nothing";
    ASSERT_EQ(first->precisions().size(), second->precisions().size());
    for (std::size_t i = 0; i < first->precisions().size(); ++i) {
      const LayerPrecision &one = first->precisions()[i], &other = second->precisions()[i];
      EXPECT_EQ(one.precision, other.precision) << one.layer;
      EXPECT_EQ(one.reason, other.reason) << one.layer;
      if (rules->precisions()[i].precision == Precision::Int8 && one.precision != Precision::Int8 &&
          one.layer != "sum") {  // a sum follows its neighbours
        EXPECT_EQ(one.reason.rfind("kept fp32: ", 0), 0u) << one.reason;
      }
    }
    EXPECT_EQ(second->text(), first->text());
    options.tuning.mode = TuneMode::Cached;
    EXPECT_EQ(int8Layers(*Engine::build(network, device, options)), int8Layers(*first));
    options.precisionChoice = PrecisionChoice::Rules;
    EXPECT_EQ(int8Layers(*Engine::build(network, device, options)), int8Layers(*rules))
        << "without the option";
    const HostTensor a = Context(rules).run({{"x", x}}).begin()->second,
                     b = Context(first).run({{"x", x}}).begin()->second;
    double largest = 0, difference = 0;
    for (std::int64_t i = 0; i < a.size(); ++i) {
      largest = std::max(largest, std::abs(a.number(i)));
      difference = std::max(difference, std::abs(a.number(i) - b.number(i)));
    }
    EXPECT_GT(largest, 0.1);
    EXPECT_LT(difference, 0.1 * largest) << "only rounding to codes differs";
    fs::remove_all(*options.tuning.folder);
  }
}

}  // namespace
}  // namespace tessera
