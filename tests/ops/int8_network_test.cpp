// INT8 to the bit: every tensor of a quantised network on the devices against the scalar reference, and
// against checksums that are the same on any machine.
#include <gtest/gtest.h>
#include <xxhash.h>

#include <fstream>
#include <set>

#include "base/hex.hpp"
#include "graph/evaluate.hpp"
#include "lower/precision.hpp"
#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

using namespace test;

// What layers of the quantised network give, in order.
std::vector<TensorId> computed(const Graph& graph) {
  std::vector<TensorId> ids;
  for (const Layer& layer : graph.layers()) ids.insert(ids.end(), layer.outputs.begin(), layer.outputs.end());
  return ids;
}

std::string checksum(const HostTensor& value) {
  return hexText(XXH3_64bits(value.data.data(), value.data.size()));
}

class Int8Network : public testing::Test {
 protected:
  const Graph network = int8Network();
  const Calibration calibration = int8NetworkCalibration(network);
  const Graph quantised = assignInt8(network, calibration, {});
  const std::vector<TensorId> ids = computed(quantised);
  const std::vector<HostTensor> expected = evaluateTensors(quantised, int8NetworkInput(), ids);
};

TEST_F(Int8Network, CoversEveryIntegerOperator) {
  std::set<std::string> operators,
      wanted{"QConvolution", "QDeconvolution", "QFullyConnected", "QAveragePool", "QPointwise",
             "Concat",       "Pool",           "Resize",          "Slice",        "Pad"};
  for (const Layer& layer : quantised.layers())
    if (quantised.tensor(layer.inputs[0]).type == DataType::Int8) operators.insert(layer.op);
  for (const auto& name : wanted) EXPECT_TRUE(operators.count(name)) << name << " never reads codes";
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (quantised.tensor(ids[i]).type != DataType::Int8) continue;
    std::set<std::int8_t> codes;
    for (const std::int8_t c : expected[i].as<std::int8_t>()) codes.insert(c);
    // What activations like Tanh have flattened holds fewer.
    const bool flat = network.findTensor(quantised.tensor(ids[i]).name) >= network.findTensor("squeezed");
    EXPECT_GE(codes.size(), flat ? 10u : 20u)
        << "the codes of " << quantised.tensor(ids[i]).name << " show little";
  }
}

TEST_F(Int8Network, HasThePinnedChecksums) {
  std::ifstream file(test::sourceFolder() / "tests/ops/int8_checksums.txt");
  ASSERT_TRUE(file) << "tests/ops/int8_checksums.txt is missing";
  std::map<std::string, std::string> pinned;
  for (std::string line; std::getline(file, line);) {
    const auto blank = line.find(' ');
    if (!line.empty() && line[0] != '#') pinned[line.substr(blank + 1)] = line.substr(0, blank);
  }
  std::string listing;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string& name = quantised.tensor(ids[i]).name;
    listing += checksum(expected[i]) + " " + name + "\n";
    EXPECT_EQ(pinned[name], checksum(expected[i])) << name;
  }
  EXPECT_EQ(pinned.size(), ids.size());
  if (HasFailure()) std::printf("The reference gives:\n%s", listing.c_str());
}

// Every tensor an output: compared layer by layer, so that a failure names the first layer that differs.
TEST_F(Int8Network, IsEqualLayerByLayerOnEveryDevice) {
  Graph graph = quantised;
  for (const TensorId id : ids)
    if (!graph.isOutput(id)) graph.markOutput(id);
  EngineOptions options;
  options.optimized = true;
  for (const Device& device : devices()) {
    const auto engine = Engine::build(graph, device, options);
    Context context(engine);
    const TensorMap got = context.run(int8NetworkInput());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::string& name = quantised.tensor(ids[i]).name;
      ASSERT_EQ(got.at(name).data, expected[i].data) << name << " on " << device.caps().name << "\n"
                                                     << engine->text();
    }
    EXPECT_EQ(context.run(int8NetworkInput()).at("scores").data, got.at("scores").data)
        << "a second run differs";
  }
}

// As users run it: through passes, views and shared concats.
TEST_F(Int8Network, GivesTheSameBitsAsAnEngineOfTheFloatNetwork) {
  EngineOptions options;
  options.precision = Precision::Int8;
  options.calibration = calibration;
  options.optimized = true;
  const auto wanted = evaluate(quantised, int8NetworkInput());
  for (const Device& device : devices()) {
    Context context(Engine::build(network, device, options));
    const TensorMap got = context.run(int8NetworkInput());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_EQ(got.at(quantised.tensor(quantised.outputs()[i]).name).data, wanted[i].data)
          << device.caps().name;
  }
}

// Kernels are chosen once for networks that differ in numbers alone, and compute what they would alone.
TEST_F(Int8Network, AnEngineLikeAnotherRunsByItsRecipe) {
  EngineOptions options;
  options.precision = Precision::Int8;
  options.tuning.mode = TuneMode::Off;
  options.calibration = calibration;
  const auto first = Engine::build(network, device(), options);
  for (auto& [_, scale] : options.calibration->scales) scale *= 1.25f;
  const auto alone = Engine::build(network, device(), options);
  options.sharePrograms = first;
  const auto like = Engine::build(network, device(), options);
  ASSERT_EQ(like->layers().size(), alone->layers().size());
  for (std::size_t i = 0; i < like->layers().size(); ++i) {
    EXPECT_EQ(like->layers()[i].family, alone->layers()[i].family) << like->layers()[i].name;
    EXPECT_EQ(like->layers()[i].tactic, alone->layers()[i].tactic) << like->layers()[i].name;
  }
  const TensorMap wanted = Context(alone).run(int8NetworkInput());
  for (const auto& [name, value] : Context(like).run(int8NetworkInput()))
    EXPECT_EQ(value.data, wanted.at(name).data) << name;
  EXPECT_NE(Context(first).run(int8NetworkInput()).begin()->second.data, wanted.begin()->second.data);
}

}  // namespace
}  // namespace tessera
