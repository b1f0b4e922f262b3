// The hash that keys calibrations: structure and weights count, batch and image size do not.
#include <gtest/gtest.h>

#include "graph/network_hash.hpp"

namespace tessera {
namespace {

struct Variant {
  std::int64_t batch = 1, size = 8;
  float weight = 2;
  std::int64_t pad = 1;
  std::string activation = "Relu", layer = "conv";
};

// Convolution, activation, resize to twice the size, reshape: attributes that follow from extents and some
// that do not.
Graph networkOf(const Variant& v) {
  Graph graph;
  graph.name = "net";
  const TensorId x = graph.addInput("x", DataType::Float32, {v.batch, 1, v.size, v.size});
  const TensorId w =
      graph.addConstant("w", HostTensor::of<float>({1, 1, 3, 3}, {v.weight, 1, 1, 1, 1, 1, 1, 1, 1}));
  TensorId y = graph.add("Convolution", v.layer, {x, w},
                         {{"pads", std::vector<std::int64_t>{v.pad, v.pad, v.pad, v.pad}}});
  y = graph.add(v.activation, "act", {y});
  const std::int64_t extent = 2 * (v.size + 2 * v.pad - 2);
  y = graph.add("Resize", "up", {y},
                {{"sizes", std::vector<std::int64_t>{v.batch, 1, extent, extent}},
                 {"scales", std::vector<double>{1, 1, 2, 2}}});
  y = graph.add("Reshape", "flat", {y}, {{"shape", std::vector<std::int64_t>{v.batch, extent * extent}}});
  graph.markOutput(y);
  return graph;
}

TEST(NetworkHash, IsTheSameForEveryBatchAndImageSize) {
  const Graph one = networkOf({}), many = networkOf({.batch = 5}), large = networkOf({.size = 20});
  EXPECT_EQ(networkHash(one), networkHash(networkOf({})));
  EXPECT_EQ(networkHash(one), networkHash(many));
  EXPECT_EQ(networkHash(one), networkHash(large));
  EXPECT_NE(one.text(), many.text());
}

TEST(NetworkHash, DiffersWithStructureNamesAndWeights) {
  const std::uint64_t hash = networkHash(networkOf({}));
  EXPECT_NE(hash, networkHash(networkOf({.weight = 3})));
  EXPECT_NE(hash, networkHash(networkOf({.pad = 2})));
  EXPECT_NE(hash, networkHash(networkOf({.activation = "Sigmoid"})));
  EXPECT_NE(hash, networkHash(networkOf({.layer = "other"})));
  Graph wired = networkOf({});
  wired.markOutput(wired.layers()[0].outputs[0]);
  EXPECT_NE(hash, networkHash(wired));
}

}  // namespace
}  // namespace tessera
