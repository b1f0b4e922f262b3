// Networks that differ in numbers alone.
#include <gtest/gtest.h>

#include "graph/alike.hpp"
#include "lower/precision.hpp"
#include "tessera/passes.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

using namespace test;

Graph inInt8(const Calibration& calibration) {
  Graph optimized = int8Network();
  optimize(optimized);
  return assignInt8(optimized, calibration, {});
}

TEST(Alike, NetworksOfOtherScalesAre) {
  const Calibration calibration = int8NetworkCalibration(int8Network());
  Calibration wider = calibration;
  for (auto& [_, scale] : wider.scales) scale *= 1.2f;
  EXPECT_TRUE(differInNumbersAlone(inInt8(calibration), inInt8(wider)));
}

// The network with a least value for every tensor, so many times its scale.
Graph inInt8WithZeros(double least) {
  Calibration calibration = int8NetworkCalibration(int8Network());
  for (const auto& [name, scale] : calibration.scales)
    calibration.least[name] = static_cast<float>(least) * scale;
  return inInt8(calibration);
}

TEST(Alike, NetworksOfOtherZeroPointsAre) {
  EXPECT_TRUE(differInNumbersAlone(inInt8WithZeros(-20), inInt8WithZeros(-30)));
}

TEST(Alike, NetworksWithOtherKernelsAreNot) {
  const Calibration calibration = int8NetworkCalibration(int8Network());
  const Graph network = inInt8(calibration);
  EXPECT_FALSE(differInNumbersAlone(network, inInt8WithZeros(-20))) << "one has zero points";
  EXPECT_FALSE(differInNumbersAlone(inInt8WithZeros(-20), inInt8WithZeros(-127)))
      << "codes around 0 have none";
  Graph optimized = int8Network();
  optimize(optimized);
  EXPECT_FALSE(differInNumbersAlone(network, optimized)) << "layers differ";
  Graph longer = network;
  longer.markOutput(longer.add("Relu", "more", {longer.outputs()[0]}, {}, {"more.out"}));
  EXPECT_FALSE(differInNumbersAlone(network, longer));
  Graph named = network;
  named.editLayers()[0].name += "x";
  EXPECT_FALSE(differInNumbersAlone(network, named)) << "recipes name layers";
}

}  // namespace
}  // namespace tessera
