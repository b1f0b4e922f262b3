// TensorFlow Lite models: what is refused and how, damaged files, codes, the documented table.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "importers/tensorflow/import.hpp"
#include "importers/tflite/import.hpp"
#include "importers/tflite/operators.hpp"
#include "importers/tflite/sparse.hpp"
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

// Operands that the format keeps as options become constants, named after their operators.
TEST_F(TfliteImport, NamesThatAreMadeUpStayApartFromTheFiles) {
  constexpr int kConcatenation = 2;
  const Graph graph =
      importModel(folder_.write("a", oneOperator(kConcatenation, nullptr, 2, "y/axis")).string());
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).name, "y/axis");
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).shape[0], 2);
}

TEST_F(TfliteImport, VariablesAreRefusedWithAWayOut) {
  for (const int code : {129, 142, 143, 144})
    EXPECT_THAT(
        message(oneOperator(code, nullptr), ErrorCode::Unsupported),
        AllOf(HasSubstr("operator " + std::to_string(code)), HasSubstr("states as inputs and outputs")));
}

TEST_F(TfliteImport, DamagedFiles) {
  const std::string whole = recordedBytes("lite_conv.tflite");
  for (const std::size_t size : {std::size_t{8}, whole.size() / 2, whole.size() - 40})
    EXPECT_THAT(message(whole.substr(0, size), ErrorCode::BadModel),
                HasSubstr("is no TensorFlow Lite model, or it is damaged"));
}

/// Levels of a sparse tensor: of all places, or of those that `indices` name between `segments`.
struct SparseLevel {
  int dense = 0;
  std::vector<std::uint8_t> segments = {}, indices = {};
};

std::vector<std::uint8_t> dense(const Shape& shape, const std::vector<int>& order,
                                const std::vector<int>& blocks, const std::vector<SparseLevel>& levels,
                                const std::vector<std::uint8_t>& values) {
  namespace lite = tessera_tflite;
  flatbuffers::FlatBufferBuilder b;
  std::vector<flatbuffers::Offset<lite::DimensionMetadata>> all;
  for (const SparseLevel& level : levels) {
    if (level.dense > 0) {
      all.push_back(lite::CreateDimensionMetadata(b, lite::DimensionType::DENSE, level.dense));
      continue;
    }
    const auto segments = lite::CreateUint8VectorDirect(b, &level.segments).Union(),
               indices = lite::CreateUint8VectorDirect(b, &level.indices).Union();
    all.push_back(lite::CreateDimensionMetadata(b, lite::DimensionType::SPARSE_CSR, 0,
                                                lite::SparseIndexVector::Uint8Vector, segments,
                                                lite::SparseIndexVector::Uint8Vector, indices));
  }
  b.Finish(lite::CreateSparsityParametersDirect(b, &order, &blocks, &all));
  return tflite::densified(*flatbuffers::GetRoot<lite::SparsityParameters>(b.GetBufferPointer()), shape,
                           values, 1);
}

TEST(TfliteSparse, ValuesGoToTheirPlaces) {
  using Bytes = std::vector<std::uint8_t>;
  EXPECT_EQ(dense({2, 4}, {0, 1}, {}, {{2}, {0, {0, 2, 3}, {1, 3, 0}}}, {5, 6, 7}),
            (Bytes{0, 5, 0, 6, 7, 0, 0, 0}));
  // Columns first.
  EXPECT_EQ(dense({2, 3}, {1, 0}, {}, {{3}, {0, {0, 1, 1, 2}, {1, 0}}}, {8, 9}), (Bytes{0, 0, 9, 8, 0, 0}));
  // Blocks of two by two.
  EXPECT_EQ(
      dense({4, 4}, {0, 1, 2, 3}, {0, 1}, {{2}, {0, {0, 1, 2}, {1, 0}}, {2}, {2}}, {1, 2, 3, 4, 5, 6, 7, 8}),
      (Bytes{0, 0, 1, 2, 0, 0, 3, 4, 5, 6, 0, 0, 7, 8, 0, 0}));
}

TEST(TfliteSparse, DamagedOnesAreRefused) {
  const auto why = [](const std::vector<SparseLevel>& levels, const std::vector<std::uint8_t>& values,
                      const std::vector<int>& order = {0, 1}) {
    return refusal([&] { dense({2, 4}, order, {}, levels, values); }, ErrorCode::BadModel);
  };
  EXPECT_THAT(why({{2}, {0, {0, 2, 3}, {1, 3, 0}}}, {5, 6}), HasSubstr("fewer values than places"));
  EXPECT_THAT(why({{2}, {0, {0, 2, 3}, {1, 3, 0}}}, {5, 6, 7, 8}), HasSubstr("more values than places"));
  EXPECT_THAT(why({{2}, {0, {0, 2, 9}, {1, 3, 0}}}, {5, 6, 7}), HasSubstr("a segment reaches too far"));
  EXPECT_THAT(why({{2}, {0, {0, 2}, {1, 3, 0}}}, {5, 6, 7}), HasSubstr("too few segments"));
  EXPECT_THAT(why({{2}, {0, {0, 2, 3}, {1, 4, 0}}}, {5, 6, 7}), HasSubstr("outside its shape"));
  EXPECT_THAT(why({{2000000000}, {0, {0, 0}, {}}}, {}), HasSubstr("damaged"));
  EXPECT_THAT(why({{2}, {4}}, {1}, {0, 0}), HasSubstr("its order of axes is none"));
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
