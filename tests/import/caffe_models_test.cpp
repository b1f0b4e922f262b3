// Real Caffe networks, where the folder of models is present.
#include <gtest/gtest.h>

#include "tests/import/caffe_case.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

std::filesystem::path models() { return test::sharedFolder() / "models"; }

TEST(CaffeModel, SqueezeNetHasTheStructureOfItsPaper) {
  const auto folder = models() / "squeezenet";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  const Graph graph = importCaffe(folder / "squeezenet_v1.1.prototxt", folder / "squeezenet_v1.1.caffemodel");
  std::map<std::string, int> count;
  for (const auto& layer : graph.layers()) ++count[layer.op];
  EXPECT_EQ(count["Convolution"], 26);
  EXPECT_EQ(count["Relu"], 26);
  EXPECT_EQ(count["Concat"], 8);
  EXPECT_EQ(count["Pool"], 3);
  ASSERT_EQ(graph.outputs().size(), 1u);
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "prob");
  EXPECT_EQ(elementCount(graph.tensor(graph.outputs()[0]).shape), 1000);
  EXPECT_EQ(graph.tensor(graph.findTensor("fire9/concat")).shape, (Shape{1, 512, 14, 14}));
}

TEST(CaffeModel, UltraFaceHasItsBoxesAndScores) {
  const auto folder = models() / "ultraface";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  const Graph graph = importCaffe(folder / "RFB-320.prototxt", folder / "RFB-320.caffemodel");
  std::map<std::string, Shape> outputs;
  for (TensorId id : graph.outputs()) outputs[graph.tensor(id).name] = graph.tensor(id).shape;
  EXPECT_EQ(outputs, (std::map<std::string, Shape>{{"boxes", {1, 4420, 4}}, {"scores", {1, 4420, 2}}}));
}

}  // namespace
}  // namespace tessera
