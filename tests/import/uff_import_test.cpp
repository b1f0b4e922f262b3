// UFF files: a network equal to its frozen graph, single operators, what is refused and how.
#include <gmock/gmock.h>

#include <fstream>

#include "graph/evaluate.hpp"
#include "importers/uff/import.hpp"
#include "importers/uff/operators.hpp"
#include "tessera/passes.hpp"
#include "tests/import/onnx_model.hpp"
#include "tests/import/tensorflow_case.hpp"
#include "tests/import/tensorflow_model.hpp"
#include "tests/import/uff_model.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/support.hpp"

namespace tessera::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class UffImport : public testing::Test {
 protected:
  Graph import(const UffModel& model) {
    return importModel(folder_.write("model.any", model.bytes()).string());
  }
  std::string message(const UffModel& model, ErrorCode code) {
    return refusal([&] { import(model); }, code);
  }
  static std::vector<float> run(const Graph& graph, const HostTensor& input) {
    const auto results = evaluate(graph, {{graph.tensor(graph.inputs().at(0)).name, input}});
    const auto values = results.at(0).as<float>();
    return {values.begin(), values.end()};
  }
  static HostTensor counting(const Shape& shape) {
    HostTensor x(DataType::Float32, shape);
    for (std::int64_t i = 0; i < x.size(); ++i) x.setNumber(i, static_cast<double>(i * 7 % 23) / 9 - 1);
    return x;
  }
  ScratchFolder folder_;
};

/// Copies a constant of the UFF network.
void copy(TensorflowModel& to, const UffModel& from, const std::string& name, const Shape& shape) {
  for (const auto& entry : from.meta.referenced_data()) {
    if (entry.key() != "weights_" + name) continue;
    std::vector<float> values(entry.value().blob().size() / sizeof(float));
    std::memcpy(values.data(), entry.value().blob().data(), entry.value().blob().size());
    to.floats(name, shape, values);
  }
}

TEST_F(UffImport, GivesWhatItsFrozenGraphGives) {
  const UffModel uff = uffClassifier();
  TensorflowModel m;
  m.input("image", {1, 8, 8, 3});
  copy(m, uff, "w", {3, 3, 3, 4});
  copy(m, uff, "matrix", {32, 5});
  for (const char* name : {"b", "gamma", "beta", "mean", "variance"}) copy(m, uff, name, {4});
  auto& conv = m.node("Conv2D", "conv", {"image", "w"});
  TensorflowModel::set(conv, "padding", "SAME");
  TensorflowModel::set(conv, "strides", std::vector<int>{1, 2, 1, 1});
  m.node("BiasAdd", "biased", {"conv", "b"});
  auto& norm = m.node("FusedBatchNorm", "norm", {"biased", "gamma", "beta", "mean", "variance"});
  TensorflowModel::attribute(norm, "is_training").set_b(false);
  TensorflowModel::attribute(norm, "epsilon").set_f(0.01f);
  m.node("Relu6", "relu", {"norm"});
  auto& pool = m.node("MaxPool", "pool", {"relu"});
  TensorflowModel::set(pool, "ksize", std::vector<int>{1, 2, 2, 1});
  TensorflowModel::set(pool, "strides", std::vector<int>{1, 2, 2, 1});
  m.ints("rows", {2}, {1, 32});
  m.node("Reshape", "flat", {"pool", "rows"});
  m.node("MatMul", "scores", {"flat", "matrix"});
  m.node("Softmax", "probability", {"scores"});
  Graph graph = import(uff);
  const Graph twin = importModel(folder_.write("twin.any", m.bytes()).string());
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).shape, (Shape{1, 8, 8, 3}));
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "probability");
  const auto wanted = run(twin, counting({1, 8, 8, 3})), got = run(graph, counting({1, 8, 8, 3}));
  ASSERT_EQ(got.size(), 5u);
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-6);
  optimize(graph);
  EXPECT_EQ(layersOf(graph, "Transpose"), 1);
}

TEST_F(UffImport, FieldsBecomeOperands) {
  UffModel m;
  m.input("x", {2, 3, 4});
  UffModel::set(m.node("Transpose", "turned", {"x"}), "permutation", std::vector<int>{0, 2, 1});
  auto& mean = m.function("Reduce", "mean", "mean", {"turned"});
  UffModel::set(mean, "axes", std::vector<int>{2});
  UffModel::field(mean, "keepdims").set_b(true);
  m.function("Unary", "square", "square", {"turned"});
  m.function("Binary", "sub", "difference", {"square", "mean"});
  UffModel::field(m.node("Concat", "joined", {"difference", "turned"}), "axis").set_i(1);
  UffModel::field(m.node("ArgMax", "best", {"joined"}), "axis").set_i(1);
  m.node("MarkOutput", "out", {"joined", "best"});
  const Graph graph = import(m);
  ASSERT_EQ(graph.outputs().size(), 2u);
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).shape, (Shape{2, 8, 3}));
  EXPECT_EQ(graph.tensor(graph.outputs()[1]).shape, (Shape{2, 3}));
  const HostTensor x = counting({2, 3, 4});
  double sum = 0;
  for (int i = 0; i < 3; ++i) sum += x.number(i * 4);
  EXPECT_NEAR(run(graph, x)[0], x.number(0) * x.number(0) - sum / 3, 1e-6);
}

TEST_F(UffImport, CustomLayersAndUnknownOnesAreNamed) {
  UffModel m;
  m.input("x", {1, 4, 4, 2});
  m.node("_FlattenConcat_TRT", "heads", {"x"});
  m.node("Whirl", "whirl", {"x"});
  m.function("Unary", "gamma", "g", {"x"});
  m.node("MarkOutput", "out", {"heads", "whirl", "g"});
  EXPECT_THAT(message(m, ErrorCode::Unsupported),
              AllOf(HasSubstr("3 nodes are not supported"), HasSubstr("custom layer 'FlattenConcat_TRT'"),
                    HasSubstr("no plugin that was given"), HasSubstr("Whirl 'whirl'"),
                    HasSubstr("its func is 'gamma'")));
}

TEST_F(UffImport, DamagedFiles) {
  UffModel none;
  none.input("x", {1});
  EXPECT_THAT(message(none, ErrorCode::BadModel), HasSubstr("no node is marked as output"));
  UffModel lost = uffClassifier();
  lost.meta.mutable_referenced_data()->DeleteSubrange(3, 1);
  EXPECT_THAT(message(lost, ErrorCode::BadModel), HasSubstr("refers to data that are not there"));
  UffModel shortened;
  shortened.input("x", {2});
  shortened.floats("c", {3}, {1, 2});
  shortened.function("Binary", "add", "y", {"x", "c"});
  shortened.node("MarkOutput", "out", {"y"});
  EXPECT_THAT(message(shortened, ErrorCode::BadModel), HasSubstr("its value holds 8 bytes"));
  const std::string whole = uffClassifier().bytes();
  EXPECT_THAT(
      refusal([&] { importUff(folder_.write("a", whole.substr(0, whole.size() / 2))); }, ErrorCode::BadModel),
      HasSubstr("is no UFF file, or it is damaged or truncated"));
}

TEST(UffDocs, TableOfOperatorsIsTheImporters) {
  std::ifstream page(sourceFolder() / "docs/tensorflow.md");
  ASSERT_TRUE(page) << "docs/tensorflow.md is missing";
  std::string documented, wanted;
  bool inTable = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) inTable = line == "## UFF";
    if (inTable && line.starts_with("| ") && !line.starts_with("| UFF ") && !line.starts_with("| --- "))
      documented += line + "\n";
  }
  for (const auto& row : uff::rows())
    wanted +=
        "| " + std::string(row.name) + " | " + std::string(row.notes) + (row.notes.empty() ? "|\n" : " |\n");
  EXPECT_EQ(documented, wanted) << "docs/tensorflow.md is to have these rows";
}

}  // namespace
}  // namespace tessera::test
