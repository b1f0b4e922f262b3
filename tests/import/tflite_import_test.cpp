// TensorFlow Lite models: what is refused and how, damaged files, codes, the documented table.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "importers/tensorflow/import.hpp"
#include "importers/tflite/import.hpp"
#include "importers/tflite/operators.hpp"
#include "tessera/passes.hpp"
#include "tests/import/onnx_model.hpp"
#include "tests/import/tensorflow_case.hpp"
#include "tests/import/tflite_model.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/support.hpp"

namespace tessera::test {
namespace {

using testing::HasSubstr;

std::string recordedBytes(const std::string& name) {
  std::ifstream in(tensorflowData() / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// A model of one operator on one tensor.
std::string oneOperator(int code, const char* custom, int inputs = 1, const char* name = "x") {
  return operatorTflite(code, custom, {1, 4, 4, 2}, inputs, name);
}

class TfliteImport : public testing::Test {
 protected:
  std::string message(const std::string& bytes, ErrorCode code) {
    return refusal([&] { importModel(folder_.write("model.any", bytes).string()); }, code);
  }
  ScratchFolder folder_;
};

TEST_F(TfliteImport, OperatorsAreNamed) {
  EXPECT_EQ(importModel(folder_.write("a", oneOperator(19, nullptr)).string()).layers().at(0).op, "Relu");
  EXPECT_THAT(message(oneOperator(119, nullptr), ErrorCode::Unsupported),
              HasSubstr("operator 119 'y' of (f32:1x4x4x2)"));
  EXPECT_THAT(message(oneOperator(32, "Sharpen"), ErrorCode::Unsupported), HasSubstr("Sharpen 'y'"));
  EXPECT_THAT(message(oneOperator(32, "TFLite_Detection_PostProcess"), ErrorCode::Unsupported),
              HasSubstr("its options are missing or damaged"));
}

TEST_F(TfliteImport, OperandsThatAreMissing) {
  EXPECT_THAT(message(oneOperator(19, nullptr, 0), ErrorCode::BadModel), HasSubstr("input 0 is missing"));
  EXPECT_THAT(message(oneOperator(9, nullptr, 2), ErrorCode::BadModel), HasSubstr("FULLY_CONNECTED 'y'"));
}

TEST_F(TfliteImport, NamesThatAreSharedStayApart) {
  const Graph graph = importModel(folder_.write("a", oneOperator(19, nullptr, 1, "y")).string());
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).name, "y");
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "y#2");
}

TEST_F(TfliteImport, DamagedFiles) {
  const std::string whole = recordedBytes("lite_conv.tflite");
  for (const std::size_t size : {std::size_t{8}, whole.size() / 2, whole.size() - 40})
    EXPECT_THAT(message(whole.substr(0, size), ErrorCode::BadModel),
                HasSubstr("is no TensorFlow Lite model, or it is damaged"));
}

TEST_F(TfliteImport, CodesStandBesideTheirWeights) {
  Graph graph = importTflite(tensorflowData() / "lite_mobilenet_v1_codes.tflite");
  const int convolutions = layersOf(graph, "Convolution");
  EXPECT_GT(convolutions, 8);
  for (const auto& layer : graph.layers()) {
    if (layer.op != "Convolution") continue;
    const int maker = graph.producer(layer.inputs.at(1));
    ASSERT_GE(maker, 0) << layer.name << ": its weights are no codes";
    const auto& decode = graph.layers()[static_cast<std::size_t>(maker)];
    EXPECT_EQ(decode.op, "Dequantize");
    EXPECT_EQ(decode.attrs.integer("axis", 1), 0);
    EXPECT_EQ(graph.tensor(decode.inputs[0]).type, DataType::Int8);
    EXPECT_TRUE(graph.tensor(decode.inputs[0]).isConstant());
    EXPECT_TRUE(graph.tensor(layer.inputs.at(2)).isConstant()) << layer.name << ": its bias";
  }
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).type, DataType::Int8);
  EXPECT_EQ(layersOf(graph, "Transpose"), 1);
}

TEST_F(TfliteImport, FlattenedImagesTurnTheCodesOfWeights) {
  for (const char* name : {"lite_flatten_dense.tflite", "lite_flatten_dense_codes.tflite"}) {
    Graph graph = importTflite(tensorflowData() / name);
    optimize(graph);
    EXPECT_EQ(layersOf(graph, "Transpose"), 1) << name;
  }
}

TEST(TfliteDocs, TableOfOperatorsIsTheImporters) {
  std::ifstream page(sourceFolder() / "docs/tensorflow.md");
  ASSERT_TRUE(page) << "docs/tensorflow.md is missing";
  std::string documented, wanted;
  bool inTable = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) inTable = line == "## TensorFlow Lite";
    if (inTable && line.starts_with("| ") && !line.starts_with("| TensorFlow ") &&
        !line.starts_with("| --- "))
      documented += line + "\n";
  }
  for (const auto& row : tflite::rows())
    wanted += "| " + std::string(row.name) + " | " + std::string(row.type) + " | " + std::string(row.notes) +
              (row.notes.empty() ? "|\n" : " |\n");
  EXPECT_EQ(documented, wanted) << "docs/tensorflow.md is to have these rows";
}

}  // namespace
}  // namespace tessera::test
