// How much of detectors with SiLU runs in INT8, and what tells networks apart.
#include <gtest/gtest.h>

#include "bench/reference_networks.hpp"
#include "calib/class_axis.hpp"
#include "graph/network_hash.hpp"
#include "lower/precision.hpp"
#include "tessera/passes.hpp"

namespace tessera {
namespace {

/// Share of the multiply-adds in INT8; names what is not.
double share(Graph graph, std::string& left) {
  optimize(graph, {});
  Calibration calibration;
  for (const auto& name : tensorsToCalibrate(graph)) calibration.scales[name] = 0.05f;
  std::vector<LayerPrecision> layers;
  assignInt8(graph, calibration, {}, &layers);
  double coded = 0, all = 0;
  for (const LayerPrecision& layer : layers) {
    all += layer.multiplyAdds;
    if (layer.precision == Precision::Int8)
      coded += layer.multiplyAdds;
    else if (layer.multiplyAdds > 0)
      left += layer.layer + ": " + layer.reason + "\n";
  }
  return coded / all;
}

TEST(Int8Share, OfDetectorsIsWhole) {
  std::string left;
  EXPECT_GE(share(bench::yolov8n(1, 64), left), 0.99) << left;
  EXPECT_GE(share(bench::yoloxNano(1, 64), left), 0.99) << left;
}

// The decoding of boxes stays in floats: nothing with weights reads what an Exp there gives.
TEST(Int8Share, ExpBehindTheLastLayerWithWeightsStaysFloat) {
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 4, 8, 8});
  const TensorId w = g.addConstant("w", HostTensor(DataType::Float32, {4, 4, 1, 1}));
  const TensorId y = g.add("Convolution", "conv", {x, w});
  const TensorId part =
      g.add("Slice", "part", {y},
            {{"starts", std::vector<std::int64_t>{0, 0, 0, 0}}, {"sizes", Shape{1, 2, 8, 8}}});
  g.markOutput(g.add("Exp", "size", {part}));
  Calibration calibration;
  for (const auto& name : tensorsToCalibrate(g)) calibration.scales[name] = 0.05f;
  std::vector<LayerPrecision> layers;
  const Graph coded = assignInt8(g, calibration, {}, &layers);
  EXPECT_EQ(coded.tensor(coded.findTensor(g.tensor(y).name)).type, DataType::Float32);
  EXPECT_EQ(layers[2].reason, "no layer with weights reads its result");
}

TEST(NetworkHash, LeavesBatchAndImageSizeOut) {
  const auto hash = [](std::int64_t batch, std::int64_t side) {
    return networkHash(bench::yoloxNano(batch, side));
  };
  EXPECT_EQ(hash(1, 64), hash(3, 64));
  EXPECT_EQ(hash(1, 64), hash(1, 96));
  EXPECT_EQ(networkHash(bench::yolov8n(1, 64)), networkHash(bench::yolov8n(2, 96)));
  EXPECT_NE(hash(1, 64), networkHash(bench::yolov8n(1, 64)));
  EXPECT_NE(bench::yoloxNano(1, 64).hash(), bench::yoloxNano(2, 64).hash());
}

TEST(NetworkHash, SeesWeightsAndAttributes) {
  const auto network = [](float weight, std::int64_t stride, float scale) {
    Graph g;
    const TensorId x = g.addInput("x", DataType::Float32, {1, 1, 8, 8});
    const TensorId w = g.addConstant("w", HostTensor::of<float>({1, 1, 1, 1}, {weight}));
    const TensorId y =
        g.add("Convolution", "conv", {x, w}, {{"strides", std::vector<std::int64_t>{stride, stride}}});
    g.markOutput(g.add("Mul", "scaled", {y, g.addConstant("s", HostTensor::of<float>({1, 1, 1}, {scale}))}));
    return networkHash(g);
  };
  EXPECT_EQ(network(1, 1, 2), network(1, 1, 2));
  EXPECT_NE(network(1, 1, 2), network(0.5f, 1, 2));
  EXPECT_NE(network(1, 1, 2), network(1, 2, 2));
  EXPECT_NE(network(1, 1, 2), network(1, 1, 3));
}

TEST(ClassAxis, IsFoundByWhatAnOutputIs) {
  Graph g;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 3, 4, 5});
  const TensorId w = g.addConstant("w", HostTensor(DataType::Float32, {6, 3, 1, 1}));
  const TensorId conv = g.add("Convolution", "conv", {x, w});
  EXPECT_EQ(classAxis(g, conv), 1u);
  const TensorId last = g.add("Transpose", "last", {conv}, {{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}});
  EXPECT_EQ(classAxis(g, last), 3u);
  const TensorId anchors = g.add("Reshape", "anchors", {last}, {{"shape", Shape{1, 40, 3}}});
  EXPECT_EQ(classAxis(g, anchors), std::nullopt);  // two anchors' classes were one extent
  const TensorId odds = g.add("Softmax", "odds", {anchors}, {{"axis", 2}});
  EXPECT_EQ(classAxis(g, odds), 2u);
  EXPECT_EQ(classAxis(g, g.add("Concat", "levels", {odds, odds}, {{"axis", 1}})), 2u);
  EXPECT_EQ(classAxis(g, g.add("Concat", "mixed", {odds, odds}, {{"axis", 2}})), std::nullopt);
  EXPECT_EQ(classAxis(g, x), std::nullopt);
}

}  // namespace
}  // namespace tessera
