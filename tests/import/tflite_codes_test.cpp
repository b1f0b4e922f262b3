// TensorFlow Lite models of codes in INT8: layers compute on the file's codes, and outputs are its
// interpreter's.
#include "lower/precision.hpp"
#include "lower/precision_plan.hpp"
#include "lower/qdq.hpp"
#include "tessera/importer.hpp"
#include "tessera/passes.hpp"
#include "tests/import/tensorflow_case.hpp"

namespace tessera::test {
namespace {

// What an engine in INT8 computes of a file that holds its own codes.
Graph int8Of(const std::string& name, std::vector<LayerPrecision>& layers) {
  Graph graph = importModel((tensorflowData() / name).string());
  const auto own = takeQdq(graph);
  EXPECT_TRUE(own) << name << " holds no codes";
  optimize(graph);
  return assignInt8(graph, own.value_or(Calibration()), {}, &layers);
}

std::vector<std::string> filesOfCodes() {
  std::vector<std::string> names;
  for (const std::string& name : recordedNetworks({".tflite"}))
    if (name.find("_codes") != std::string::npos || name.find("_bytes") != std::string::npos)
      names.push_back(name);
  return names;
}

class TfliteCodes : public testing::TestWithParam<std::string> {};

TEST_P(TfliteCodes, AreComputedOnAsTheInterpreterDoes) {
  std::vector<LayerPrecision> layers;
  const Graph graph = int8Of(GetParam(), layers);
  expectRecorded(graph, GetParam());
  for (const LayerPrecision& layer : layers)
    if (layer.multiplyAdds > 0) {
      EXPECT_EQ(layer.precision, Precision::Int8) << layer.layer << " (" << layer.op << "): " << layer.reason;
    }
  // Images are turned where the file's order meets the network's, not around every layer.
  EXPECT_LE(layersOf(graph, "Transpose"), 2);
}

INSTANTIATE_TEST_SUITE_P(Files, TfliteCodes, testing::ValuesIn(filesOfCodes()),
                         [](const auto& info) { return info.param.substr(0, info.param.rfind('.')); });

}  // namespace
}  // namespace tessera::test
