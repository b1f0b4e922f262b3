// Real Caffe networks, where the folder of models is present.
#include <gtest/gtest.h>

#include <cmath>

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

TEST(CaffeModel, UltraFaceEqualsItsOnnxTwin) {
  const auto folder = models() / "ultraface";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  const Graph caffe = importCaffe(folder / "RFB-320.prototxt", folder / "RFB-320.caffemodel");
  const Graph onnx = importOnnx(folder / "version-RFB-320_without_postprocessing.onnx");
  HostTensor image(DataType::Float32, {1, 3, 240, 320});
  auto pixels = image.as<float>();
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = std::sin(static_cast<float>(i * i % 1009)) * 0.9f;
  const auto named = [&](const Graph& graph) {
    const auto values = evaluate(graph, {{graph.tensor(graph.inputs()[0]).name, image}});
    std::map<std::string, HostTensor> byName;
    for (std::size_t i = 0; i < values.size(); ++i) byName[graph.tensor(graph.outputs()[i]).name] = values[i];
    return byName;
  };
  const auto a = named(caffe), b = named(onnx);
  for (const char* output : {"boxes", "scores"}) {
    ASSERT_TRUE(a.count(output) && b.count(output)) << output;
    ASSERT_EQ(a.at(output).shape, b.at(output).shape) << output;
    for (std::int64_t i = 0; i < a.at(output).size(); ++i)
      ASSERT_NEAR(a.at(output).number(i), b.at(output).number(i), 1e-4) << output << " element " << i;
  }
}

}  // namespace
}  // namespace tessera
