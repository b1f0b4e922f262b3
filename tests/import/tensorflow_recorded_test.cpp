// Frozen graphs give what TensorFlow computed with them, as imported and after the passes.
#include <set>

#include "importers/tensorflow/import.hpp"
#include "importers/tensorflow/table.hpp"
#include "tessera/passes.hpp"
#include "tests/import/tensorflow_case.hpp"

namespace tessera::test {
namespace {

class TensorflowRecorded : public testing::TestWithParam<std::string> {};

TEST_P(TensorflowRecorded, AgreesWithTensorflow) {
  Graph graph = importModel((tensorflowData() / GetParam()).string());
  expectRecorded(graph, GetParam());
  optimize(graph);
  expectRecorded(graph, GetParam());
}

std::string caseName(const testing::TestParamInfo<std::string>& info) {
  return info.param.substr(0, info.param.rfind('.'));
}

INSTANTIATE_TEST_SUITE_P(Graphs, TensorflowRecorded, testing::ValuesIn(recordedNetworks({".pb", ".pbtxt"})),
                         caseName);
INSTANTIATE_TEST_SUITE_P(Lite, TensorflowRecorded, testing::ValuesIn(recordedNetworks({".tflite"})),
                         caseName);

int transposesOf(const std::string& name) {
  Graph graph = importTensorflow(tensorflowData() / name);
  optimize(graph);
  return layersOf(graph, "Transpose");
}

// One turns the image, another one an image among the outputs; heads of detectors are flattened in the file's
// order.
TEST(TensorflowNetworks, ImagesAreTurnedOnce) {
  for (const char* name :
       {"mobilenet_v1.pb", "mobilenet_v2.pb", "mobilenet_v3.pb", "resnet_v2.pb", "deeplab.pb"})
    EXPECT_EQ(transposesOf(name), 1) << name;
  EXPECT_EQ(transposesOf("unet.pb"), 2);
  EXPECT_EQ(transposesOf("ssd.pb"), 1 + 4);
}

TEST(TensorflowNetworks, PlanarGraphsNeedNoTranspose) { EXPECT_EQ(transposesOf("planar.pb"), 0); }

TEST(TensorflowNetworks, FlattenedImagesTurnTheWeights) {
  EXPECT_EQ(transposesOf("flatten_matmul.pb"), 1);
  EXPECT_EQ(transposesOf("mobilenet_v3.pb"), 1);
}

TEST(TensorflowNetworks, BlocksOfBatchesBecomeDilations) {
  Graph graph = importTensorflow(tensorflowData() / "conv_atrous.pb");
  EXPECT_EQ(layersOf(graph, "Pad"), 0);
  EXPECT_EQ(layersOf(graph, "Transpose"), 2);
  ASSERT_EQ(layersOf(graph, "Convolution"), 1);
}

TEST(TensorflowNetworks, NamesAndShapesAreTheFiles) {
  const Graph graph = importTensorflow(tensorflowData() / "unet.pb");
  ASSERT_EQ(graph.inputs().size(), 1u);
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).name, "image");
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).shape, (Shape{1, 32, 32, 3}));
  ASSERT_EQ(graph.outputs().size(), 1u);
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "Identity");
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).shape, (Shape{1, 32, 32, 3}));
}

}  // namespace
}  // namespace tessera::test
