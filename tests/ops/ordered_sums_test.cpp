// Results that are the same bits on every device: layers that sum floats in a defined order, and networks of
// them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <fstream>

#include "base/hex.hpp"
#include "launch/op_runner.hpp"
#include "ops/ordered.hpp"
#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/samples.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

using test::portableRandom;
using List = std::vector<std::int64_t>;

// A layer of every operator whose sums could be taken in any order, all of them outputs.
Graph sums() {
  Graph graph;
  graph.name = "sums";
  unsigned seed = 0;
  const auto constant = [&](Shape shape, float low = -1, float high = 1) {
    ++seed;
    return graph.addConstant("c" + std::to_string(seed), portableRandom(std::move(shape), seed, low, high));
  };
  const auto add = [&](const char* op, const std::string& name, std::vector<TensorId> inputs,
                       Attributes attrs = {}) {
    const TensorId y = graph.add(op, name, std::move(inputs), attrs);
    graph.markOutput(y);
    return y;
  };
  const TensorId x = graph.addInput("x", DataType::Float32, {2, 12, 9, 11});
  const TensorId conv = add("Convolution", "conv", {x, constant({20, 12, 3, 3}), constant({20})},
                            {{"pads", List{1, 1, 1, 1}}, {"activation", std::string("Silu")}});
  add("Convolution", "depthwise", {x, constant({12, 1, 3, 3})}, {{"group", 12}, {"strides", List{2, 2}}});
  add("Deconvolution", "deconv", {x, constant({12, 5, 2, 2}), constant({5})}, {{"strides", List{2, 2}}});
  add("FullyConnected", "fc", {x, constant({7, 12 * 99}), constant({7})});
  add("MatMul", "product", {x, constant({11, 6})});
  const TensorId scores = add("Reshape", "rows", {conv}, {{"shape", List{2, 20, 99}}});
  add("MatMul", "attention", {scores, add("Transpose", "turned", {scores}, {{"perm", List{0, 2, 1}}})});
  add("Pool", "means", {x},
      {{"mode", std::string("average")}, {"kernel", List{3, 3}}, {"pads", List{1, 1, 1, 1}}});
  add("Pool", "norms", {x}, {{"mode", std::string("lp")}, {"kernel", List{2, 2}}});
  for (const char* mode : {"average", "max"})
    add("GlobalPool", std::string("all_") + mode, {x}, {{"mode", std::string(mode)}});
  for (const char* mode : {"sum", "mean", "l1", "l2", "sum_square", "log_sum_exp"})
    add("Reduce", std::string("reduce_") + mode, {conv}, {{"mode", std::string(mode)}, {"axes", List{1, 3}}});
  add("InstanceNorm", "instance", {x, constant({12}), constant({12})});
  add("LayerNorm", "layer", {x, constant({11}), constant({11})}, {{"axis", -1}});
  add("MeanVariance", "contrast", {x}, {{"axes", List{1, 2, 3}}});
  for (const int p : {1, 2})
    add("LpNormalize", "unit_" + std::to_string(p), {x, constant({12})},
        {{"axes", List{1}}, {"p", p}, {"epsilon", 1e-6}});
  for (const double beta : {0.75, 0.5})
    add("Lrn", "local_" + std::to_string(beta), {x}, {{"size", 5}, {"alpha", 0.5}, {"beta", beta}});
  add("BatchNorm", "batch", {x, constant({12}), constant({12}), constant({12}), constant({12}, 0.1f, 2)});
  add("Resize", "larger", {x}, {{"sizes", List{2, 12, 15, 25}}, {"mode", std::string("linear")}});
  add("Softmax", "shares", {x}, {{"axis", 1}});
  add("Div", "quotient", {x, constant({12, 1, 1}, 0.3f, 3)});
  add("Sqrt", "root", {add("Abs", "size", {x})});
  add("Softsign", "bent", {x});
  add("CumSum", "running", {x}, {{"axis", 2}});
  return graph;
}

std::map<std::string, std::string> checksumsOf(const TensorMap& values) {
  std::map<std::string, std::string> sums;
  for (const auto& [name, value] : values)
    sums[name] = hexText(XXH3_64bits(value.data.data(), value.data.size()));
  return sums;
}

std::map<std::string, std::string> pinned(const std::string& precision) {
  std::ifstream file(test::sourceFolder() / "tests/ops/ordered_checksums.txt");
  std::map<std::string, std::string> sums;
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(' '), second = line.find(' ', first + 1);
    if (line.substr(0, first) == precision)
      sums[line.substr(second + 1)] = line.substr(first + 1, second - first - 1);
  }
  return sums;
}

class OrderedSums : public testing::TestWithParam<Precision> {};

TEST_P(OrderedSums, GiveThePinnedBitsOnEveryDevice) {
  EngineOptions options;
  options.deterministic = true;
  options.precision = GetParam();
  const std::string precision(toString(GetParam()));
  const TensorMap input{{"x", portableRandom({2, 12, 9, 11}, 999, -2, 2)}};
  for (const Device& device : test::devices()) {
    const auto got = checksumsOf(Context(Engine::build(sums(), device, options)).run(input));
    EXPECT_EQ(got, pinned(precision)) << device.caps().name;
    if (!HasFailure()) continue;
    for (const auto& [name, sum] : got)
      std::printf("%s %s %s\n", precision.c_str(), sum.c_str(), name.c_str());
  }
}

INSTANTIATE_TEST_SUITE_P(In, OrderedSums, testing::Values(Precision::Fp32, Precision::Fp16),
                         [](const auto& param) { return std::string(toString(param.param)); });

// What a sample gives in every family, layout and tactic that may run it: `seen` holds the first.
void compareTwoDevices(const Device& device, const OpInstance& sample,
                       const std::vector<HostTensor>& inputs) {
  const DeviceCaps caps = device.caps();
  std::vector<HostTensor> seen;
  for (const KernelFamily* family : familiesFor(sample.view))
    for (const auto& c : test::layoutCases(*family, sample, caps, 1)) {
      const Problem problem = family->problem(c.view);
      std::vector<Tactic> tactics = family->space(problem, caps).members();
      if (tactics.size() > 2) tactics = {tactics.front(), tactics.back()};
      tactics.push_back(family->fallback(problem, caps));
      for (const Tactic& tactic : tactics) {
        const auto got = OpRunner(device, *family, c.view, tactic, inputs, c.constants()).run();
        if (seen.empty()) seen = got;
        EXPECT_EQ(got, seen) << family->id().text() << " " << tactic.text() << " " << c.view.text();
      }
    }
  EXPECT_FALSE(seen.empty()) << "nothing runs " << sample.view.text();
}

TEST(OrderedSum, IsTheSameInEveryTacticAndLayout) {
  for (const Operator* op : allOperators()) {
    if (!op->traits().bits) continue;
    int taken = 0;
    for (OpInstance sample : op->samples()) {
      if (bitsOf(sample.view) != OperatorTraits::Bits::Ordered || taken++ == 1) continue;
      sample.view.attrs.set(std::string(kOrdered), std::int64_t{1});
      for (const Device& device : test::devices())
        compareTwoDevices(device, sample, test::fillInputs(sample, 1));
    }
  }
}

TEST(OrderedSum, RefusesWhatDevicesComputeInTheirOwnWay) {
  Graph graph;
  graph.name = "waves";
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 4});
  graph.markOutput(graph.add("Sin", "wave", {x}));
  graph.markOutput(graph.add("Exp", "growth", {x}));
  EngineOptions options;
  options.deterministic = true;
  const std::string why =
      test::refusal([&] { Engine::build(graph, test::devices().front(), options); }, ErrorCode::Unsupported);
  EXPECT_THAT(why, testing::HasSubstr("'wave' (Sin) calls functions"));
  EXPECT_THAT(why, testing::Not(testing::HasSubstr("growth")));
}

// Layers that INT8 leaves in floats sum in order, too; codes need no order.
TEST(OrderedSum, MakesTheFloatsOfInt8NetworksDefined) {
  const Graph network = test::int8Network();
  EngineOptions options;
  options.precision = Precision::Int8;
  options.calibration = test::int8NetworkCalibration(network);
  options.optimized = true;
  for (const Device& device : test::devices()) {
    const TensorMap plain = Context(Engine::build(network, device, options)).run(test::int8NetworkInput());
    EngineOptions ordered = options;
    ordered.deterministic = true;
    const TensorMap got = Context(Engine::build(network, device, ordered)).run(test::int8NetworkInput());
    EXPECT_EQ(checksumsOf(got), checksumsOf(plain)) << "all of that network is defined without an order";
  }
}

}  // namespace
}  // namespace tessera
