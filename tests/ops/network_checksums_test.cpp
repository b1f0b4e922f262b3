// Outputs of ten networks, tails included, are the pinned bits on every device: in INT8 with codes around 0
// and around zero points, layers in floats in one order of sums.
#include <gtest/gtest.h>
#include <xxhash.h>

#include <cmath>
#include <fstream>

#include "base/hex.hpp"
#include "graph/evaluate.hpp"
#include "lower/least_value.hpp"
#include "tessera/context.hpp"
#include "tessera/passes.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/small_networks.hpp"
#include "tests/support/support.hpp"

namespace tessera::test {
namespace {

// By network, kind of codes and output.
std::map<std::string, std::string> pinned(const std::string& network) {
  std::ifstream file(sourceFolder() / "tests/ops/network_checksums.txt");
  EXPECT_TRUE(file) << "tests/ops/network_checksums.txt is missing";
  std::map<std::string, std::string> sums;
  for (std::string line; std::getline(file, line);)
    if (!line.starts_with("#") && line.substr(17).starts_with(network + ","))
      sums[line.substr(17)] = line.substr(0, 16);
  return sums;
}

Graph optimized(Graph network) {
  optimize(network);
  return network;
}

Calibration withLeast(const Graph& graph, Calibration calibration) {
  for (std::size_t t = 0; t < graph.tensors().size(); ++t) {
    const double least = leastOf(graph, static_cast<TensorId>(t));
    if (std::isfinite(least))
      calibration.least[graph.tensors()[t].name] = static_cast<float>(std::min(least, 0.0));
  }
  return calibration;
}

class NetworkChecksums : public testing::TestWithParam<std::size_t> {};

TEST_P(NetworkChecksums, AreThePinnedOnesOnEveryDevice) {
  const TensorMap input{{"x", smallNetworkInput()}};
  const Graph network = smallNetworks().at(GetParam()), graph = optimized(network);
  for (const Device& device : devices()) {
    std::map<std::string, std::string> got;
    EngineOptions options;
    options.precision = Precision::Int8;
    options.deterministic = true;
    options.calibration = calibrationOf(graph, input);
    for (const char* kind : {"around 0", "whole range"}) {
      const TensorMap outputs = Context(Engine::build(network, device, options)).run(input);
      for (const auto& [name, value] : outputs)
        got[network.name + ", " + kind + ": " + name] =
            hexText(XXH3_64bits(value.data.data(), value.data.size()));
      options.calibration = withLeast(graph, *options.calibration);
    }
    EXPECT_EQ(got, pinned(network.name)) << device.caps().name;
    if (HasFailure())
      for (const auto& [name, sum] : got) std::printf("%s %s\n", sum.c_str(), name.c_str());
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, NetworkChecksums, testing::Range(std::size_t{0}, std::size_t{10}));

}  // namespace
}  // namespace tessera::test
