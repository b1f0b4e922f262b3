// If, Loop and Scan: known conditions and trip counts are unrolled, others are refused by name.
#include <gmock/gmock.h>

#include "tests/import/onnx_fixture.hpp"

namespace tessera {
namespace {

using tessera_onnx::Tensor;
using test::OnnxModel;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class OnnxControlFlow : public test::OnnxFixture {
 protected:
  static void addValue(google::protobuf::RepeatedPtrField<tessera_onnx::ValueInfo>& list,
                       const std::string& name, std::vector<std::int64_t> dims = {},
                       int type = Tensor::FLOAT) {
    auto* value = list.Add();
    value->set_name(name);
    auto* tensor = value->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type);
    tensor->mutable_shape();
    for (const auto extent : dims) tensor->mutable_shape()->add_dim()->set_dim_value(extent);
  }
  static void scalar(OnnxModel& model, const std::string& name, std::int64_t value) {
    model.initializer(name, Tensor::INT64, {}).add_int64_data(value);
  }
  /// Body of a Loop that adds x to its carried value and gives every sum: inputs i, c, v; outputs c2, v2, s.
  static void addingBody(tessera_onnx::Graph& body) {
    for (const char* name : {"i", "c", "v"}) addValue(*body.mutable_input(), name);
    OnnxModel::addNode(*body.mutable_node(), "Add", {"v", "x"}, {"v2"}, "sum");
    OnnxModel::addNode(*body.mutable_node(), "Identity", {"c"}, {"c2"});
    OnnxModel::addNode(*body.mutable_node(), "Identity", {"v2"}, {"s"});
    for (const char* name : {"c2", "v2", "s"}) addValue(*body.mutable_output(), name, {2});
  }
  /// Body of a Loop that puts x into its carried sequence at the front, or behind all others.
  static void collectingBody(tessera_onnx::Graph& body, bool front) {
    for (const char* name : {"i", "c", "s"}) addValue(*body.mutable_input(), name);
    auto& insert = OnnxModel::addNode(*body.mutable_node(), "SequenceInsert", {"s", "x"}, {"s2"});
    if (front) insert.add_input("first");
    for (const char* name : {"c", "s2"}) addValue(*body.mutable_output(), name);
  }
};

TEST_F(OnnxControlFlow, LoopsWithAKnownCountAreUnrolled) {
  OnnxModel model;
  model.input("x", {2}).floats("zero", {2}, {0, 0}).output("y").output("all");
  scalar(model, "count", 3);
  addingBody(graphAttribute(model.node("Loop", {"count", "", "zero"}, {"y", "all"}, "loop"), "body"));
  const Graph graph = import(model);
  const std::map<std::string, HostTensor> inputs{{"x", floats({2}, {1, 10})}};
  EXPECT_THAT(run(graph, inputs), ElementsAre(3, 30));
  EXPECT_THAT(run(graph, inputs, 1), ElementsAre(1, 10, 2, 20, 3, 30));
  EXPECT_EQ(graph.tensor(graph.outputs()[1]).shape, (Shape{3, 2}));
}

TEST_F(OnnxControlFlow, LoopsOfNoIterationsGiveWhatTheyBeganWith) {
  OnnxModel model;
  model.input("x", {2}).floats("start", {2}, {7, 8}).output("y").output("all");
  scalar(model, "count", 0);
  addingBody(graphAttribute(model.node("Loop", {"count", "", "start"}, {"y", "all"}), "body"));
  const Graph graph = import(model);
  EXPECT_THAT(run(graph, {{"x", floats({2}, {1, 1})}}), ElementsAre(7, 8));
  EXPECT_EQ(graph.tensor(graph.outputs()[1]).shape, (Shape{0, 2}));
}

// while (i < 4) with the counter as the only thing that ends it.
TEST_F(OnnxControlFlow, ConditionsThatFoldEndALoop) {
  OnnxModel model;
  model.input("x", {2}).floats("zero", {2}, {0, 0}).output("y").output("all");
  model.initializer("go", Tensor::BOOL, {}).add_int32_data(1);
  scalar(model, "last", 4);
  auto& body = graphAttribute(model.node("Loop", {"", "go", "zero"}, {"y", "all"}), "body");
  addingBody(body);
  auto& one = *body.add_initializer();
  one.set_name("one");
  one.set_data_type(Tensor::INT64);
  one.add_int64_data(1);
  body.mutable_node(1)->set_op_type("Less");
  body.mutable_node(1)->set_input(0, "next");
  body.mutable_node(1)->add_input("last");
  OnnxModel::addNode(*body.mutable_node(), "Add", {"i", "one"}, {"next"});
  const Graph graph = import(model);
  EXPECT_THAT(run(graph, {{"x", floats({2}, {1, 2})}}), ElementsAre(4, 8));
  EXPECT_EQ(graph.tensor(graph.outputs()[1]).shape, (Shape{4, 2}));
}

TEST_F(OnnxControlFlow, LoopsNest) {
  OnnxModel model;
  model.input("x", {2}).floats("zero", {2}, {0, 0}).output("y");
  scalar(model, "outer", 3);
  scalar(model, "inner", 2);
  auto& body = graphAttribute(model.node("Loop", {"outer", "", "zero"}, {"y"}, "outer loop"), "body");
  for (const char* name : {"io", "co", "vo"}) addValue(*body.mutable_input(), name);
  auto& node =
      OnnxModel::addNode(*body.mutable_node(), "Loop", {"inner", "", "vo"}, {"w", "unused"}, "inner loop");
  addingBody(graphAttribute(node, "body"));
  OnnxModel::addNode(*body.mutable_node(), "Identity", {"co"}, {"co2"});
  for (const char* name : {"co2", "w"}) addValue(*body.mutable_output(), name);
  EXPECT_THAT(run(import(model), {{"x", floats({2}, {1, 5})}}), ElementsAre(6, 30));
}

TEST_F(OnnxControlFlow, SequencesGrowInProportion) {
  OnnxModel model;
  model.input("x", {2}).output("y").output("n");
  scalar(model, "count", 20000);
  scalar(model, "first", 0);
  model.node("SequenceEmpty", {}, {"none"});
  collectingBody(graphAttribute(model.node("Loop", {"count", "", "none"}, {"all"}, "loop"), "body"), false);
  model.node("SequenceInsert", {"none", "x"}, {"one"});
  model.node("SequenceInsert", {"one", "x", "first"}, {"two"});
  model.node("SequenceErase", {"two"}, {"again"});
  model.node("SequenceInsert", {"again", "zero"}, {"other"});  // what "two" holds must not change by it
  model.node("SequenceInsert", {"two", "zero"}, {"three"});
  model.floats("zero", {2}, {0, 0});
  OnnxModel::set(model.node("ConcatFromSequence", {"three"}, {"y"}), "axis", std::int64_t{0});
  model.node("SequenceLength", {"all"}, {"n"});
  const Graph graph = import(model);
  EXPECT_THAT(run(graph, {{"x", floats({2}, {1, 5})}}), ElementsAre(1, 5, 1, 5, 0, 0));
  EXPECT_THAT(run<std::int64_t>(graph, {{"x", floats({2}, {1, 5})}}, 1), ElementsAre(20000));

  auto& body = *model.graph().mutable_node(1)->mutable_attribute(0)->mutable_g();
  body.Clear();
  collectingBody(body, true);
  EXPECT_THAT(
      message(model, ErrorCode::Unsupported),
      AllOf(HasSubstr("SequenceInsert"), HasSubstr("list of tensors"), HasSubstr("maxConstantBytes")));
}

TEST_F(OnnxControlFlow, LoopsThatDependOnValuesAreRefused) {
  OnnxModel counted;
  counted.input("x", {2}).input("n", {}, Tensor::INT64).floats("zero", {2}, {0, 0}).output("y").output("all");
  addingBody(graphAttribute(counted.node("Loop", {"n", "", "zero"}, {"y", "all"}, "loop"), "body"));
  EXPECT_THAT(message(counted, ErrorCode::Unsupported),
              AllOf(HasSubstr("'loop'"), HasSubstr("tensor 'n'"), HasSubstr("--freeze n=VALUE")));
  ImportOptions options;
  options.constants["n"] = HostTensor::of<std::int64_t>({}, {2});
  EXPECT_THAT(run(import(counted, options), {{"x", floats({2}, {1, 5})}}), ElementsAre(2, 10));

  OnnxModel conditional;
  conditional.input("x", {2}).floats("zero", {2}, {0, 0}).floats("limit", {}, {9}).output("y").output("all");
  scalar(conditional, "count", 10);
  auto& body = graphAttribute(conditional.node("Loop", {"count", "", "zero"}, {"y", "all"}, "loop"), "body");
  addingBody(body);
  body.mutable_node(1)->set_op_type("Less");
  body.mutable_node(1)->set_input(0, "top");
  body.mutable_node(1)->add_input("limit");
  OnnxModel::set(OnnxModel::addNode(*body.mutable_node(), "ReduceMax", {"v2"}, {"top"}), "keepdims",
                 std::int64_t{0});
  EXPECT_THAT(message(conditional, ErrorCode::Unsupported),
              AllOf(HasSubstr("'loop'"), HasSubstr("'c2'"), HasSubstr("'x'")));
}

TEST_F(OnnxControlFlow, LoopsWithoutAnEndAreRefused) {
  for (const bool counted : {true, false}) {
    OnnxModel model;
    model.input("x", {2}).output("y");
    scalar(model, "count", std::int64_t{1} << 60);
    auto& body = graphAttribute(model.node("Loop", {counted ? "count" : "", "", "x"}, {"y"}, "loop"), "body");
    for (const char* name : {"i", "c", "v"}) addValue(*body.mutable_input(), name);
    for (const char* name : {"c", "v"}) addValue(*body.mutable_output(), name);
    EXPECT_THAT(message(model, ErrorCode::Unsupported), AllOf(HasSubstr("'loop'"), HasSubstr("maxLayers")));
  }
}

// The running sum of columns, backward, given as columns again.
TEST_F(OnnxControlFlow, ScansWalkAnyAxisEitherWay) {
  for (const std::int64_t backward : {0, 1}) {
    OnnxModel model;
    model.input("x", {2, 3}).floats("zero", {2}, {0, 0}).output("last").output("sums");
    auto& node = model.node("Scan", {"zero", "x"}, {"last", "sums"}, "scan");
    OnnxModel::set(node, "num_scan_inputs", std::int64_t{1});
    OnnxModel::set(node, "scan_input_axes", std::vector<std::int64_t>{1});
    OnnxModel::set(node, "scan_input_directions", std::vector<std::int64_t>{backward});
    OnnxModel::set(node, "scan_output_axes", std::vector<std::int64_t>{-1});
    OnnxModel::set(node, "scan_output_directions", std::vector<std::int64_t>{backward});
    auto& body = graphAttribute(node, "body");
    for (const char* name : {"sum", "column"}) addValue(*body.mutable_input(), name);
    OnnxModel::addNode(*body.mutable_node(), "Add", {"sum", "column"}, {"next"});
    OnnxModel::addNode(*body.mutable_node(), "Identity", {"next"}, {"row"});
    for (const char* name : {"next", "row"}) addValue(*body.mutable_output(), name);
    const Graph graph = import(model);
    const std::map<std::string, HostTensor> inputs{{"x", floats({2, 3}, {1, 2, 3, 10, 20, 30})}};
    EXPECT_THAT(run(graph, inputs), ElementsAre(6, 60));
    if (backward)
      EXPECT_THAT(run(graph, inputs, 1), ElementsAre(6, 5, 3, 60, 50, 30));
    else
      EXPECT_THAT(run(graph, inputs, 1), ElementsAre(1, 3, 6, 10, 30, 60));
  }
}

TEST_F(OnnxControlFlow, UnsupportedNodesOfABodyAreListed) {
  OnnxModel model;
  model.input("x", {2}).floats("zero", {2}, {0, 0}).output("y").output("all");
  scalar(model, "count", 3);
  auto& body = graphAttribute(model.node("Loop", {"count", "", "zero"}, {"y", "all"}, "loop"), "body");
  addingBody(body);
  body.mutable_node(0)->set_op_type("Telepathy");
  EXPECT_THAT(message(model, ErrorCode::Unsupported),
              AllOf(HasSubstr("1 node is not supported"), HasSubstr("Telepathy 'sum'"), HasSubstr("f32:2")));
}

TEST_F(OnnxControlFlow, SequencesExistWhileAModelIsImported) {
  OnnxModel model;
  model.input("x", {5}).output("first").output("length").output("joined");
  scalar(model, "two", 2);
  scalar(model, "last", -1);
  model.node("SplitToSequence", {"x", "two"}, {"parts"});  // of 2, 2 and 1
  model.node("SequenceAt", {"parts", "last"}, {"first"});
  model.node("SequenceErase", {"parts", "last"}, {"pairs"});
  model.node("SequenceInsert", {"pairs", "first", "last"}, {"three"});  // before the last one
  model.node("SequenceLength", {"three"}, {"length"});
  OnnxModel::set(model.node("ConcatFromSequence", {"three"}, {"joined"}), "axis", std::int64_t{0});
  const Graph graph = import(model);
  const std::map<std::string, HostTensor> inputs{{"x", floats({5}, {1, 2, 3, 4, 5})}};
  EXPECT_THAT(run(graph, inputs), ElementsAre(5));
  EXPECT_THAT(run<std::int64_t>(graph, inputs, 1), ElementsAre(3));
  EXPECT_THAT(run(graph, inputs, 2), ElementsAre(1, 2, 5, 3, 4));
}

TEST_F(OnnxControlFlow, LoopsFillSequences) {
  OnnxModel model;
  model.input("x", {2}).output("y");
  scalar(model, "count", 3);
  model.node("SequenceEmpty", {}, {"none"});
  auto& body = graphAttribute(model.node("Loop", {"count", "", "none"}, {"all"}, "loop"), "body");
  for (const char* name : {"i", "c", "s"}) addValue(*body.mutable_input(), name);
  OnnxModel::set(OnnxModel::addNode(*body.mutable_node(), "Cast", {"i"}, {"f"}), "to",
                 std::int64_t{Tensor::FLOAT});
  OnnxModel::addNode(*body.mutable_node(), "Mul", {"x", "f"}, {"v"});
  OnnxModel::addNode(*body.mutable_node(), "SequenceInsert", {"s", "v"}, {"s2"});
  OnnxModel::addNode(*body.mutable_node(), "Identity", {"c"}, {"c2"});
  for (const char* name : {"c2", "s2"}) addValue(*body.mutable_output(), name);
  auto& join = model.node("ConcatFromSequence", {"all"}, {"y"});
  OnnxModel::set(join, "axis", std::int64_t{1});
  OnnxModel::set(join, "new_axis", std::int64_t{1});
  EXPECT_THAT(run(import(model), {{"x", floats({2}, {1, 10})}}), ElementsAre(0, 1, 2, 0, 10, 20));
}

TEST_F(OnnxControlFlow, SequencesWhereTensorsBelongAreRefused) {
  OnnxModel model;
  model.input("x", {2}).input("n", {}, Tensor::INT64).output("y").output("s").output("e");
  model.node("SequenceConstruct", {"x", "x"}, {"s"});
  model.node("Relu", {"s"}, {"y"}, "relu");
  model.node("SequenceAt", {"s", "n"}, {"e"}, "choose");
  EXPECT_THAT(message(model, ErrorCode::Unsupported),
              AllOf(HasSubstr("Relu 'relu'"), HasSubstr("graph output 's'"), HasSubstr("SequenceAt 'choose'"),
                    HasSubstr("--freeze n=VALUE")));
}

/// y = x squeezed along an extent of 5, or x where `rate` is 16000.
OnnxModel branching() {
  OnnxModel model;
  model.input("x", {1, 4, 5}).input("rate", {}, Tensor::INT64).output("y").ints("axes", {2});
  model.initializer("k", Tensor::INT64, {}).add_int64_data(16000);
  model.node("Equal", {"rate", "k"}, {"known"});
  auto& node = model.node("If", {"known"}, {"y"}, "choose");
  auto& yes = *OnnxModel::attribute(node, "then_branch", tessera_onnx::Attribute::GRAPH).mutable_g();
  OnnxModel::addNode(*yes.mutable_node(), "Neg", {"x"}, {"t"});
  yes.add_output()->set_name("t");
  auto& no = *OnnxModel::attribute(node, "else_branch", tessera_onnx::Attribute::GRAPH).mutable_g();
  OnnxModel::addNode(*no.mutable_node(), "Squeeze", {"x", "axes"}, {"e"}, "squeeze");
  no.add_output()->set_name("e");
  return model;
}

TEST_F(OnnxControlFlow, OnlyTheBranchTakenHasToBeValid) {
  ImportOptions options;
  options.constants["rate"] = HostTensor::of<std::int64_t>({}, {16000});
  const Graph graph = import(branching(), options);
  ASSERT_EQ(graph.layers().size(), 1u);
  EXPECT_EQ(graph.layers()[0].op, "Neg");
}

TEST_F(OnnxControlFlow, AnIfThatCanNotChooseNamesItsConditionAndTheWayOut) {
  EXPECT_THAT(message(branching(), ErrorCode::BadModel),
              AllOf(HasSubstr("If 'choose'"), HasSubstr("tensor 'known'"), HasSubstr("else_branch"),
                    HasSubstr("'squeeze'"), HasSubstr("--freeze rate=VALUE")));
  OnnxModel shapes = branching();
  shapes.graph().mutable_node(1)->mutable_attribute(1)->mutable_g()->mutable_node(0)->set_op_type("Shape");
  shapes.graph()
      .mutable_node(1)
      ->mutable_attribute(1)
      ->mutable_g()
      ->mutable_node(0)
      ->mutable_input()
      ->RemoveLast();
  EXPECT_THAT(message(shapes, ErrorCode::Unsupported),
              AllOf(HasSubstr("If 'choose'"), HasSubstr("f32:1x4x5"), HasSubstr("--freeze rate=VALUE")));
}

}  // namespace
}  // namespace tessera
