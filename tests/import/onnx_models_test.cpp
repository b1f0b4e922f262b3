// Real networks: what their exporters write imports, with the shapes and names they promise.
#include <gtest/gtest.h>

#include <set>

#include "tessera/importer.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

struct RealModel {
  const char* file;
  Shape input;
  std::vector<std::pair<std::string, Shape>> outputs;
  int convolutions;
};

class OnnxModels : public testing::TestWithParam<RealModel> {};

TEST_P(OnnxModels, Imports) {
  const RealModel& model = GetParam();
  const auto file = test::sharedFolder() / "models" / model.file;
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file;
  const Graph graph = importModel(file.string());
  ASSERT_EQ(graph.inputs().size(), 1u);
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).shape, model.input);
  ASSERT_EQ(graph.outputs().size(), model.outputs.size());
  for (std::size_t i = 0; i < model.outputs.size(); ++i) {
    EXPECT_EQ(graph.tensor(graph.outputs()[i]).name, model.outputs[i].first);
    EXPECT_EQ(graph.tensor(graph.outputs()[i]).shape, model.outputs[i].second);
  }
  int convolutions = 0;
  std::set<std::string> layerNames;
  for (const auto& layer : graph.layers()) {
    convolutions += layer.op == "Convolution" || layer.op == "Deconvolution";
    EXPECT_TRUE(layerNames.insert(layer.name).second) << layer.name << " names two layers";
    EXPECT_TRUE(layer.op != "Cast") << layer.name << ": shape arithmetic is left over";
  }
  EXPECT_EQ(convolutions, model.convolutions);
  const Graph again = importModel(file.string());
  EXPECT_EQ(graph.hash(), again.hash());
}

TEST_P(OnnxModels, BatchTwoWhereTheModelLeavesItOpen) {
  const RealModel& model = GetParam();
  if (std::string(model.file).find("espnet") == std::string::npos) GTEST_SKIP() << "its batch is fixed";
  const auto file = test::sharedFolder() / "models" / model.file;
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file;
  ImportOptions options;
  options.batch = 2;
  const Graph graph = importModel(file.string(), options);
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).shape[0], 2);
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).shape[0], 2);
}

INSTANTIATE_TEST_SUITE_P(
    Shared, OnnxModels,
    testing::Values(
        RealModel{
            "espnet/espnet_camvid_1x3x360x480.onnx", {1, 3, 360, 480}, {{"scores", {1, 12, 360, 480}}}, 85},
        RealModel{"espnet/espnet_cityscapes_1x3x512x1024.onnx",
                  {1, 3, 512, 1024},
                  {{"scores", {1, 20, 512, 1024}}},
                  85},
        RealModel{"ultraface/version-RFB-320.onnx",
                  {1, 3, 240, 320},
                  {{"scores", {1, 4420, 2}}, {"boxes", {1, 4420, 4}}},
                  52},
        RealModel{"ultraface/version-RFB-320_without_postprocessing.onnx",
                  {1, 3, 240, 320},
                  {{"scores", {1, 4420, 2}}, {"boxes", {1, 4420, 4}}},
                  52},
        RealModel{"fastestdet/FastestDet.onnx", {1, 3, 352, 352}, {{"758", {1, 85, 22, 22}}}, 70}),
    [](const auto& param) { return "n" + std::to_string(param.index); });

}  // namespace
}  // namespace tessera
