// What the passes make of real networks, where the folder of models is present.
#include "tessera/importer.hpp"
#include "tests/passes/pass_case.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

using namespace test;

std::map<std::string, int> counts(const Graph& graph) {
  std::map<std::string, int> count;
  for (const auto& layer : graph.layers()) ++count[layer.op];
  return count;
}

std::string layerList(const Graph& graph) {
  std::string text = std::to_string(graph.layers().size()) + " layers:";
  for (const auto& [op, count] : counts(graph)) text += " " + op + " " + std::to_string(count);
  return text;
}

std::filesystem::path model(const std::string& name) { return sharedFolder() / "models" / name; }

#define SKIP_WITHOUT(file) \
  if (!std::filesystem::exists(file)) GTEST_SKIP() << (file) << " is absent"

/// Optimises, checks that the results agree, and prints the layer counts.
Graph lean(const Graph& graph) {
  Graph copy = graph;
  optimize(copy);
  std::cout << layerList(graph) << "\n-> " << layerList(copy) << "\n";
  expectSame(graph, copy, 1e-4, {1});
  return copy;
}

TEST(Networks, EspNet) {
  const auto file = model("espnet/espnet_camvid_1x3x360x480.onnx");
  SKIP_WITHOUT(file);
  const Graph graph = importOnnx(file, {.inputShapes = {{"input", {1, 3, 48, 64}}}});
  const Graph small = lean(graph);
  // Sums are residuals; batch norm and PReLU of a block, with its input, are one layer.
  EXPECT_EQ(counts(small),
            (std::map<std::string, int>{
                {"Concat", 18}, {"Convolution", 82}, {"Deconvolution", 3}, {"Pointwise", 17}, {"Pool", 2}}));
}

TEST(Networks, SqueezeNet) {
  const auto folder = model("squeezenet");
  SKIP_WITHOUT(folder);
  const Graph graph = importCaffe(folder / "squeezenet_v1.1.prototxt", folder / "squeezenet_v1.1.caffemodel",
                                  {.inputShapes = {{"data", {1, 3, 67, 67}}}});
  EXPECT_EQ(counts(lean(graph)),
            (std::map<std::string, int>{
                {"Concat", 8}, {"Convolution", 26}, {"GlobalPool", 1}, {"Pool", 3}, {"Softmax", 1}}));
}

TEST(Networks, UltraFace) {
  const auto file = model("ultraface/version-RFB-320_without_postprocessing.onnx");
  SKIP_WITHOUT(file);
  const Graph small = lean(importOnnx(file));
  const auto count = counts(small);
  for (const char* op : {"BatchNorm", "Relu", "Add", "Scale", "Affine"})
    EXPECT_EQ(count.count(op), 0u) << small.text();
}

TEST(Networks, FastestDet) {
  const auto file = model("fastestdet/FastestDet.onnx");
  SKIP_WITHOUT(file);
  const Graph small = lean(importOnnx(file));
  const auto count = counts(small);
  for (const char* op : {"BatchNorm", "Relu", "Gather", "Affine"})
    EXPECT_EQ(count.count(op), 0u) << small.text();
}

}  // namespace
}  // namespace tessera
