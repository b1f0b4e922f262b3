// Frozen graphs: inputs, outputs, what is refused and how, damaged files.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>

#include <fstream>
#include <set>

#include "graph/evaluate.hpp"
#include "importers/tensorflow/import.hpp"
#include "importers/tensorflow/order.hpp"
#include "importers/tensorflow/table.hpp"
#include "tests/import/onnx_model.hpp"
#include "tests/import/tensorflow_model.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/support.hpp"

namespace tessera::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class TensorflowImport : public testing::Test {
 protected:
  Graph import(const TensorflowModel& model, const ImportOptions& options = {}) {
    return importModel(folder_.write("graph.bin", model.bytes()).string(), options);
  }
  std::string message(const TensorflowModel& model, ErrorCode code, const ImportOptions& options = {}) {
    return refusal([&] { import(model, options); }, code);
  }
  static std::vector<float> run(const Graph& graph, const std::map<std::string, HostTensor>& inputs) {
    const auto results = evaluate(graph, inputs);
    const auto values = results.at(0).as<float>();
    return {values.begin(), values.end()};
  }
  ScratchFolder folder_;
};

TEST_F(TensorflowImport, TextIsReadAsBinary) {
  TensorflowModel m;
  m.input("x", {2}).floats("one", {}, {1});
  m.node("Add", "y", {"x", "one"});
  std::string text;
  google::protobuf::TextFormat::PrintToString(m.graph, &text);
  const Graph graph = importModel(folder_.write("graph.any", "# a comment\n" + text).string());
  EXPECT_EQ(graph.text(), import(m).text());
  EXPECT_EQ(run(graph, {{"x", HostTensor::of<float>({2}, {1, 2})}}), (std::vector<float>{2, 3}));
}

TEST_F(TensorflowImport, NodesStandInAnyOrder) {
  TensorflowModel m;
  m.node("Relu", "y", {"sum:0"});
  m.node("Add", "sum", {"x", "one", "^x"});
  m.input("x", {2}).floats("one", {}, {1});
  EXPECT_EQ(run(import(m), {{"x", HostTensor::of<float>({2}, {-3, 2})}}), (std::vector<float>{0, 3}));
}

TEST_F(TensorflowImport, OpenExtentsAreGivenOrAskedFor) {
  TensorflowModel m;
  m.input("image", {-1, -1, -1, 3});
  m.node("Relu", "y", {"image"});
  EXPECT_THAT(message(m, ErrorCode::InvalidArgument), HasSubstr("--shape image=1x480x640x3"));
  ImportOptions options;
  options.inputShapes["image"] = {1, 4, 5, 3};
  EXPECT_EQ(import(m, options).tensor(import(m, options).outputs()[0]).shape, (Shape{1, 4, 5, 3}));
  options.inputShapes = {{"picture", {1, 4, 5, 3}}};
  EXPECT_THAT(message(m, ErrorCode::InvalidArgument, options), HasSubstr("no input named 'picture'"));
}

TEST_F(TensorflowImport, EveryUnsupportedNodeIsListedAtOnce) {
  TensorflowModel m;
  m.input("x", {1, 4, 4, 3});
  m.node("Bessel", "first", {"x"});
  m.node("Relu", "behind", {"first"});
  m.node("VariableV2", "weights");
  m.node("Unheard", "second", {"x"});
  m.node("MatMul", "product", {"x", "weights"});
  const auto why = message(m, ErrorCode::Unsupported);
  EXPECT_THAT(why, AllOf(HasSubstr("3 nodes are not supported"), HasSubstr("Bessel 'first' of (f32:1x4x4x3)"),
                         HasSubstr("Unheard 'second'"), HasSubstr("freeze the graph")));
  EXPECT_THAT(why, testing::Not(HasSubstr("behind")));
}

TEST_F(TensorflowImport, LoopsAreRefusedByTheirOperators) {
  TensorflowModel m;
  m.input("x", {2});
  m.node("Enter", "enter", {"x"});
  m.node("Merge", "merge", {"enter", "next"});
  m.node("Relu", "body", {"merge"});
  m.node("NextIteration", "next", {"body"});
  m.node("Exit", "y", {"body"});
  EXPECT_THAT(message(m, ErrorCode::Unsupported), HasSubstr("Enter 'enter'"));
}

TEST_F(TensorflowImport, UnknownConditionsAreRefused) {
  TensorflowModel m;
  m.input("x", {2}).input("when", {});
  TensorflowModel::attribute(*m.graph.mutable_node(1), "dtype").set_type(tessera_tensorflow::DT_BOOL);
  m.node("Switch", "switch", {"x", "when"});
  m.node("Relu", "y", {"switch:1"});
  EXPECT_THAT(message(m, ErrorCode::Unsupported), HasSubstr("freeze what it depends on, 'when'"));
  ImportOptions options;
  options.constantNumbers["when"] = "true";
  EXPECT_EQ(run(import(m, options), {{"x", HostTensor::of<float>({2}, {-3, 2})}}),
            (std::vector<float>{0, 2}));
}

TEST_F(TensorflowImport, KnownIndicesLieWithinTheirExtents) {
  const auto gathered = [](std::int32_t at) {
    TensorflowModel m;
    m.input("x", {3, 2});
    m.ints("at", {1}, {at});
    m.node("Gather", "y", {"x", "at"});
    return m;
  };
  EXPECT_EQ(import(gathered(2)).layers().size(), 1u);
  for (const int outside : {3, -1})
    EXPECT_THAT(message(gathered(outside), ErrorCode::BadModel),
                AllOf(HasSubstr("'y'"), HasSubstr("lies outside an extent of 3")));
}

TEST_F(TensorflowImport, TextsMatterOnlyWhereTheyAreRead) {
  TensorflowModel m;
  m.input("x", {2});
  m.constant("message", tessera_tensorflow::DT_STRING, {}).add_string_val("wrong");
  m.node("Assert", "check", {"x", "message"});
  m.node("Relu", "y", {"x", "^check"});
  EXPECT_EQ(import(m).outputs().size(), 1u);
  m.node("Relu", "z", {"message"});
  EXPECT_THAT(message(m, ErrorCode::Unsupported), HasSubstr("no type for elements of type STRING"));
}

TEST_F(TensorflowImport, TrainingNormalisationIsRefused) {
  TensorflowModel m;
  m.input("x", {1, 4, 4, 2}).floats("scale", {2}, {1, 1}).floats("none", {0}, {});
  m.node("FusedBatchNormV3", "y", {"x", "scale", "scale", "none", "none"});
  EXPECT_THAT(message(m, ErrorCode::Unsupported), HasSubstr("is_training"));
}

TEST_F(TensorflowImport, DamagedGraphsNameTheNode) {
  const auto expect = [&](auto build, const char* why) {
    TensorflowModel m;
    m.input("x", {1, 4, 4, 2});
    build(m);
    EXPECT_THAT(message(m, ErrorCode::BadModel), AllOf(HasSubstr("graph.bin"), HasSubstr(why)));
  };
  expect([](auto& m) { m.node("Relu", "y", {"nowhere"}); },
         "nothing makes the value 'nowhere' that node 'y' reads");
  expect([](auto& m) { m.node("Relu", "x", {"x"}); }, "two nodes have the name 'x'");
  expect([](auto& m) { m.node("Relu", "a", {"b"}), m.node("Relu", "b", {"a"}); }, "cycle");
  expect([](auto& m) { m.node("Const", "c"); }, "the constant 'c' has no value");
  expect([](auto& m) { m.node("Relu", "y"); }, "input 0 is missing");
  expect(
      [](auto& m) {
        m.floats("b", {3}, {1}).node("BiasAdd", "y", {"x", "b"});
      },
      "a bias of 3 does not fit 1x4x4x2");
  expect(
      [](auto& m) {
        m.floats("w", {3, 3, 5, 2}, {1});
        TensorflowModel::set(m.node("Conv2D", "y", {"x", "w"}), "padding", "SAME");
      },
      "weights of 5 channels do not fit");
  expect(
      [](auto& m) {
        m.ints("s", {2}, {3, -1}).node("Reshape", "y", {"x", "s"});
      },
      "does not fit its shape");
  expect(
      [](auto& m) {
        m.floats("w", {2}, {1, 2, 3}).node("Add", "y", {"x", "w"});
      },
      "more values than its shape 2");
  expect([](auto& m) { m.floats("w", {-2}, {1}).node("Add", "y", {"x", "w"}); }, "negative extent");
  expect(
      [](auto& m) {
        for (const char* name : {"y", "z"})
          TensorflowModel::attribute(m.node("Split", name, {"x", "x"}), "num_split").set_i(1 << 30);
      },
      "claims 65536 results, more than");
}

TEST_F(TensorflowImport, HugeConstantsAreRefusedBeforeMemoryIsTaken) {
  TensorflowModel m;
  m.input("x", {1}).floats("w", {1 << 20, 1 << 12}, {1});
  m.node("Add", "y", {"x", "w"});
  EXPECT_THAT(message(m, ErrorCode::Unsupported),
              AllOf(HasSubstr("node 'w' (Const)"), HasSubstr("maxConstantBytes")));
}

TEST_F(TensorflowImport, DamagedFiles) {
  EXPECT_THAT(refusal([&] { importTensorflow(folder_.write("a", std::string("\x0a\xff\x01", 3))); },
                      ErrorCode::BadModel),
              HasSubstr("is no GraphDef, or it is damaged or truncated (3 bytes)"));
  std::string deep = "node {";
  for (int i = 0; i < 100000; ++i) deep += " x {";
  EXPECT_THAT(refusal([&] { importModel(folder_.write("b", deep).string()); }, ErrorCode::BadModel),
              HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(
      refusal([&] { importModel(folder_.write("c", "node { name: 3 }").string()); }, ErrorCode::BadModel),
      HasSubstr("c:1:14"));
}

TEST_F(TensorflowImport, NamesOfAnyBytesAreEscaped) {
  TensorflowModel m;
  m.input("x\xff", {2});
  m.node("Relu", "y", {"x\xff"});
  EXPECT_EQ(import(m).tensor(import(m).inputs()[0]).name, "x\\xff");
}

TEST(TensorflowOrder, ReshapesKeepTheOrderWhereTheyCan) {
  using tensorflow::Order;
  using tensorflow::reshapedOrder;
  const Order nchw{0, 3, 1, 2};
  EXPECT_EQ(reshapedOrder(nchw, {2, 3, 4, 5}, {2, 12, 5}), (Order{0, 2, 1}));
  EXPECT_EQ(reshapedOrder(nchw, {2, 3, 4, 6}, {2, 3, 4, 2, 3}), (Order{0, 3, 4, 1, 2}));
  EXPECT_EQ(reshapedOrder(nchw, {2, 1, 1, 5}, {2, 5}), Order{});
  EXPECT_EQ(reshapedOrder({0, 2, 1}, {1, 4, 6}, {1, 1, 4, 6}), (Order{0, 3, 1, 2}));
  EXPECT_EQ(reshapedOrder(nchw, {2, 3, 4, 5}, {2, 60}), std::nullopt);
  EXPECT_EQ(reshapedOrder(nchw, {2, 3, 4, 6}, {2, 24, 3}), std::nullopt);
}

TEST(TensorflowDocs, TableOfOperatorsIsTheImporters) {
  std::ifstream page(sourceFolder() / "docs/tensorflow.md");
  ASSERT_TRUE(page) << "docs/tensorflow.md is missing";
  std::string documented, wanted;
  bool inTable = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) inTable = line == "## Operators";
    if (inTable && line.starts_with("| ") && !line.starts_with("| operator ") && !line.starts_with("| --- "))
      documented += line + "\n";
  }
  for (const auto& [type, row] : tensorflow::table())
    wanted +=
        "| " + std::string(type) + " | " + std::string(row.notes) + (row.notes.empty() ? "|\n" : " |\n");
  EXPECT_EQ(documented, wanted) << "docs/tensorflow.md is to have these rows";
}

}  // namespace
}  // namespace tessera::test
