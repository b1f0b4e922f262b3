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

std::string listed(const Graph& graph) {
  std::string text = std::to_string(graph.layers().size()) + " layers:";
  for (const auto& [op, count] : counts(graph)) text += " " + op + " " + std::to_string(count);
  return text;
}

std::filesystem::path model(const std::string& name) { return sharedFolder() / "models" / name; }

#define SKIP_WITHOUT(file) \
  if (!std::filesystem::exists(file)) GTEST_SKIP() << (file) << " is absent"

TEST(Networks, EspNetComesOutLean) {
  const auto file = model("espnet/espnet_camvid_1x3x360x480.onnx");
  SKIP_WITHOUT(file);
  const Graph graph = importOnnx(file, {.inputShapes = {{"input", {1, 3, 48, 64}}}});
  Graph lean = graph;
  optimize(lean);
  std::cout << listed(graph) << "\n" << listed(lean) << "\n" << lean.text();
  expectSame(graph, lean, 1e-4);
}

}  // namespace
}  // namespace tessera
