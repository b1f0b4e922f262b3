// What the ONNX importer makes of a model as a whole: names, shapes, constants, branches, functions,
// encodings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "tests/import/onnx_fixture.hpp"

namespace tessera {
namespace {

using tessera_onnx::Tensor;
using test::OnnxModel;
using testing::ElementsAre;
using testing::HasSubstr;

using OnnxImport = test::OnnxFixture;

TEST_F(OnnxImport, LayersAndTensorsKeepTheModelsNames) {
  OnnxModel model;
  model.input("image", {1, 2}).output("score");
  model.node("Relu", {"image"}, {"hidden"}, "first");
  model.node("Exp", {"hidden"}, {"score"});
  const Graph graph = import(model);
  ASSERT_EQ(graph.layers().size(), 2u);
  EXPECT_EQ(graph.layers()[0].name, "first");
  EXPECT_EQ(graph.layers()[1].name, "score") << "a node without a name goes by its first output";
  EXPECT_NE(graph.findTensor("hidden"), kNoTensor);
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "score");
}

TEST_F(OnnxImport, NodesMayComeInAnyOrder) {
  OnnxModel model;
  model.input("x", {2}).output("y");
  model.node("Exp", {"h"}, {"y"});
  model.node("Neg", {"x"}, {"h"});
  EXPECT_THAT(run(import(model), {{"x", HostTensor::of<float>({2}, {0, 0})}}), ElementsAre(1, 1));
}

TEST_F(OnnxImport, BatchSymbolTakesTheOptionsBatch) {
  OnnxModel model;
  model.input("x", {-1, 3}).output("y");
  model.node("Relu", {"x"}, {"y"});
  ImportOptions options;
  options.batch = 5;
  EXPECT_EQ(import(model, options).tensor(0).shape, (Shape{5, 3}));
  EXPECT_EQ(import(model).tensor(0).shape, (Shape{1, 3}));
}

TEST_F(OnnxImport, OtherSymbolsNeedAShape) {
  OnnxModel model;
  model.input("x", {-1, 3, -1, -1}).output("y");
  model.node("Relu", {"x"}, {"y"});
  EXPECT_THAT(message(model, ErrorCode::InvalidArgument),
              testing::AllOf(HasSubstr("'x'"), HasSubstr("'d2'"), HasSubstr("'d3'")));
  ImportOptions options;
  options.inputShapes["x"] = {2, 3, 8, 9};
  EXPECT_EQ(import(model, options).tensor(0).shape, (Shape{2, 3, 8, 9}));
  options.inputShapes["z"] = {1};
  EXPECT_THAT(message(model, ErrorCode::InvalidArgument, options), HasSubstr("no input named 'z'"));
}

TEST_F(OnnxImport, FrozenInputsBecomeConstants) {
  OnnxModel model;
  model.input("x", {2, 3}).input("shape", {1}, Tensor::INT64).output("y");
  model.node("Reshape", {"x", "shape"}, {"y"}, "flat");
  EXPECT_THAT(message(model, ErrorCode::Unsupported),
              testing::AllOf(HasSubstr("'flat'"), HasSubstr("freeze")));
  ImportOptions options;
  options.constants["shape"] = HostTensor::of<std::int64_t>({1}, {-1});
  const Graph graph = import(model, options);
  EXPECT_EQ(graph.inputs().size(), 1u);
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).shape, (Shape{6}));
  options.constants["shape"] = HostTensor::of<float>({1}, {-1});
  EXPECT_THAT(message(model, ErrorCode::InvalidArgument, options), HasSubstr("wants i64"));
}

TEST_F(OnnxImport, InitializersListedAsInputsStayConstants) {
  OnnxModel model;
  model.input("x", {2}).input("w", {2}).floats("w", {2}, {10, 20}).output("y");
  model.node("Add", {"x", "w"}, {"y"});
  const Graph graph = import(model);
  EXPECT_EQ(graph.inputs().size(), 1u);
  EXPECT_THAT(run(graph, {{"x", HostTensor::of<float>({2}, {1, 2})}}), ElementsAre(11, 22));
}

// Shape arithmetic as exporters write it leaves one Reshape behind.
TEST_F(OnnxImport, ShapeArithmeticFolds) {
  OnnxModel model;
  model.input("x", {2, 3, 4}).ints("zero", {0}).ints("rest", {-1}).output("y");
  model.node("Shape", {"x"}, {"shape"});
  model.node("Gather", {"shape", "zero"}, {"batch"});
  model.node("Concat", {"batch", "rest"}, {"wanted"}).add_attribute()->set_name("axis");
  model.graph().mutable_node(2)->mutable_attribute(0)->set_i(0);
  model.node("Reshape", {"x", "wanted"}, {"y"});
  const Graph graph = import(model);
  ASSERT_EQ(graph.layers().size(), 1u);
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).shape, (Shape{2, 12}));
}

TEST_F(OnnxImport, OutputsThatAreInputsConstantsOrTwinsGetLayersOfTheirOwn) {
  OnnxModel model;
  model.input("x", {2}).floats("c", {2}, {5, 6});
  model.output("same").output("c").output("y").output("twin");
  model.node("Identity", {"x"}, {"same"});
  model.node("Neg", {"x"}, {"y"});
  model.node("Identity", {"y"}, {"twin"});
  const Graph graph = import(model);
  ASSERT_EQ(graph.outputs().size(), 4u);
  std::vector<std::string> names;
  for (TensorId id : graph.outputs()) {
    names.push_back(graph.tensor(id).name);
    EXPECT_GE(graph.producer(id), 0);
  }
  EXPECT_THAT(names, ElementsAre("same", "c", "y", "twin"));
  EXPECT_THAT(run(graph, {{"x", HostTensor::of<float>({2}, {1, 2})}}, 3), ElementsAre(-1, -2));
}

tessera_onnx::Graph branch(const std::string& op, const std::string& output) {
  tessera_onnx::Graph graph;
  OnnxModel::addNode(*graph.mutable_node(), op, {"x"}, {output});
  graph.add_output()->set_name(output);
  return graph;
}

TEST_F(OnnxImport, IfTakesTheBranchOfAConstantConditionAndChoosesOtherwise) {
  for (const bool constant : {true, false}) {
    OnnxModel model;
    model.input("x", {2}).output("y");
    if (constant)
      model.initializer("c", Tensor::BOOL, {}).add_int32_data(0);
    else
      model.input("c", {}, Tensor::BOOL);
    auto& node = model.node("If", {"c"}, {"y"});
    *OnnxModel::attribute(node, "then_branch", tessera_onnx::Attribute::GRAPH).mutable_g() =
        branch("Exp", "t");
    *OnnxModel::attribute(node, "else_branch", tessera_onnx::Attribute::GRAPH).mutable_g() =
        branch("Neg", "e");
    const Graph graph = import(model);
    std::map<std::string, HostTensor> inputs{{"x", HostTensor::of<float>({2}, {1, 2})}};
    if (!constant) inputs["c"] = HostTensor(DataType::Bool, {});
    EXPECT_THAT(run(graph, inputs), ElementsAre(-1, -2));
    EXPECT_EQ(graph.layers().size(), constant ? 1u : 3u);
  }
}

TEST_F(OnnxImport, FunctionsOfTheModelAreInlined) {
  OnnxModel model;
  model.input("x", {2}).output("y");
  auto* function = model.model.add_functions();
  function->set_name("Leak");
  function->set_domain("mine");
  function->add_input("a");
  function->add_input("b");
  function->add_output("r");
  function->add_attribute("slope");
  auto* set = function->add_opset_import();
  set->set_version(13);
  auto& inner = OnnxModel::addNode(*function->mutable_node(), "LeakyRelu", {"a"}, {"r"}, "act");
  OnnxModel::attribute(inner, "alpha", tessera_onnx::Attribute::FLOAT).set_ref_attr_name("slope");
  auto* imported = model.model.add_opset_import();
  imported->set_domain("mine");
  imported->set_version(1);
  auto& call = model.node("Leak", {"x"}, {"y"}, "call");
  call.set_domain("mine");
  OnnxModel::attribute(call, "slope", tessera_onnx::Attribute::FLOAT).set_f(0.5f);
  const Graph graph = import(model);
  ASSERT_EQ(graph.layers().size(), 1u);
  EXPECT_EQ(graph.layers()[0].name, "call/act");
  EXPECT_THAT(run(graph, {{"x", HostTensor::of<float>({2}, {-4, 2})}}), ElementsAre(-2, 2));
}

// Values of two elements, as an initialiser may hold them.
struct TensorEncoding {
  int type;
  std::function<void(Tensor&)> fill;
  std::vector<double> expected;
};

template <class T>
std::function<void(Tensor&)> raw(T first, T second) {
  return [=](Tensor& t) {
    const T values[] = {first, second};
    t.set_raw_data(std::string(reinterpret_cast<const char*>(values), sizeof values));
  };
}

std::function<void(Tensor&)> int32Data(std::int32_t first, std::int32_t second) {
  return [=](Tensor& t) {
    t.add_int32_data(first);
    t.add_int32_data(second);
  };
}

std::function<void(Tensor&)> uint64Data(std::uint64_t first, std::uint64_t second) {
  return [=](Tensor& t) {
    t.add_uint64_data(first);
    t.add_uint64_data(second);
  };
}

std::function<void(Tensor&)> doubleData(double first, double second) {
  return [=](Tensor& t) {
    t.add_double_data(first);
    t.add_double_data(second);
  };
}

std::vector<TensorEncoding> encodings() {
  return {
      {Tensor::FLOAT, raw<float>(1.5f, -2), {1.5, -2}},
      {Tensor::DOUBLE, raw<double>(1.5, -2), {1.5, -2}},
      {Tensor::DOUBLE, doubleData(0.25, 3), {0.25, 3}},
      {Tensor::FLOAT16, raw<std::uint16_t>(0x3e00, 0xc000), {1.5, -2}},
      {Tensor::FLOAT16, int32Data(0x3e00, 0xc000), {1.5, -2}},
      {Tensor::BFLOAT16, raw<std::uint16_t>(0x3fc0, 0xc000), {1.5, -2}},
      {Tensor::INT64, raw<std::int64_t>(1ll << 40, -2), {1099511627776.0, -2}},
      {Tensor::INT32, int32Data(7, -9), {7, -9}},
      {Tensor::INT16, raw<std::int16_t>(-300, 300), {-300, 300}},
      {Tensor::UINT16, raw<std::uint16_t>(65535, 1), {65535, 1}},
      {Tensor::INT8, int32Data(-128, 127), {-128, 127}},
      {Tensor::UINT8, raw<std::uint8_t>(255, 1), {255, 1}},
      {Tensor::UINT32, uint64Data(4294967295u, 1), {4294967295.0, 1}},
      {Tensor::UINT64, raw<std::uint64_t>(1ull << 40, 1), {1099511627776.0, 1}},
      {Tensor::BOOL, raw<std::uint8_t>(1, 0), {1, 0}},
  };
}

TEST_F(OnnxImport, EveryEncodingOfInitializersIsRead) {
  for (const auto& c : encodings()) {
    OnnxModel model;
    model.output("y");
    c.fill(model.initializer("w", c.type, {2}));
    model.node("Identity", {"w"}, {"y"});
    const auto result = evaluate(import(model), {}).at(0);
    EXPECT_THAT((std::vector<double>{result.number(0), result.number(1)}),
                testing::ElementsAreArray(c.expected))
        << Tensor::Type_Name(static_cast<Tensor::Type>(c.type));
  }
}

TEST_F(OnnxImport, ValuesInOtherFilesAreReadBelowTheModelOnly) {
  const std::vector<float> values{1, 2, 3, 4};
  std::filesystem::create_directory(folder_.path() / "data");
  folder_.write("data/weights.bin", "head" + std::string(reinterpret_cast<const char*>(values.data()), 16));
  folder_.write("secret.bin", std::string(64, 'x'));
  const auto withLocation = [&](const std::string& location, const std::string& offset,
                                const std::string& length) {
    OnnxModel model;
    model.input("x", {4}).output("y");
    auto& w = model.initializer("w", Tensor::FLOAT, {4});
    w.set_data_location(Tensor::EXTERNAL);
    for (const auto& [key, value] :
         std::map<std::string, std::string>{{"location", location}, {"offset", offset}, {"length", length}}) {
      if (value.empty()) continue;
      auto* entry = w.add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
    model.node("Add", {"x", "w"}, {"y"});
    return model;
  };
  EXPECT_THAT(
      run(import(withLocation("data/weights.bin", "4", "16")), {{"x", HostTensor(DataType::Float32, {4})}}),
      ElementsAre(1, 2, 3, 4));
  const auto why = [&](const std::string& location, const std::string& offset, const std::string& length) {
    return message(withLocation(location, offset, length), ErrorCode::BadModel);
  };
  EXPECT_THAT(why("data/absent.bin", "", ""),
              testing::AllOf(HasSubstr("'w'"), HasSubstr("absent.bin"), HasSubstr("can not be opened")));
  EXPECT_THAT(why("data/weights.bin", "8", "16"), HasSubstr("truncated"));
  EXPECT_THAT(why("data/weights.bin", "4", "12"), HasSubstr("12 external bytes"));
  EXPECT_THAT(why("data/weights.bin", "-4", "16"), HasSubstr("no byte count"));
  EXPECT_THAT(why("../secret.bin", "", ""), HasSubstr("not below the model's folder"));
  EXPECT_THAT(why("/etc/passwd", "", ""), HasSubstr("not below the model's folder"));
  EXPECT_THAT(why("", "", ""), HasSubstr("names none"));
  test::ScratchFolder elsewhere;
  elsewhere.write("secret.bin", std::string(64, 'x'));
  std::filesystem::create_symlink(elsewhere.path() / "secret.bin", folder_.path() / "link.bin");
  EXPECT_THAT(why("link.bin", "", ""), HasSubstr("leaves the model's folder"));
}

TEST_F(OnnxImport, BitwiseOperatorsKeepTheTypesBits) {
  OnnxModel model(18);
  for (const char* name : {"and", "or", "xor", "not"}) model.output(name);
  auto& a = model.initializer("a", Tensor::UINT8, {3});
  for (const int value : {0x0f, 0xff, 0}) a.add_int32_data(value);
  model.input("b", {3}, Tensor::UINT8);
  model.node("BitwiseAnd", {"a", "b"}, {"and"});
  model.node("BitwiseOr", {"a", "b"}, {"or"});
  model.node("BitwiseXor", {"a", "b"}, {"xor"});
  model.node("BitwiseNot", {"b"}, {"not"});
  const Graph graph = import(model);
  const std::map<std::string, HostTensor> inputs{
      {"b", HostTensor::of<std::uint8_t>({3}, {0x3c, 0x81, 0x55})}};
  EXPECT_THAT(run<std::uint8_t>(graph, inputs, 0), ElementsAre(0x0c, 0x81, 0));
  EXPECT_THAT(run<std::uint8_t>(graph, inputs, 1), ElementsAre(0x3f, 0xff, 0x55));
  EXPECT_THAT(run<std::uint8_t>(graph, inputs, 2), ElementsAre(0x33, 0x7e, 0x55));
  EXPECT_THAT(run<std::uint8_t>(graph, inputs, 3), ElementsAre(0xc3, 0x7e, 0xaa));

  for (const int type : {Tensor::INT32, Tensor::UINT16}) {  // both held in i32
    OnnxModel turned(18);
    turned.input("b", {1}, type).output("y");
    turned.node("BitwiseNot", {"b"}, {"y"}, "turn");
    if (type == Tensor::INT32)
      EXPECT_THAT(run<std::int32_t>(import(turned), {{"b", HostTensor::of<std::int32_t>({1}, {5})}}),
                  ElementsAre(-6));
    else
      EXPECT_THAT(message(turned, ErrorCode::Unsupported), HasSubstr("'turn'"));
  }
}

TEST_F(OnnxImport, RulesThatChangedInNewerOperatorSetsAreKnown) {
  OnnxModel swish(24);
  swish.input("x", {1}).output("y");
  swish.node("Swish", {"x"}, {"y"});
  EXPECT_NEAR(run(import(swish), {{"x", HostTensor::of<float>({1}, {2})}})[0], 2 / (1 + std::exp(-2.0)),
              1e-6);
  OnnxModel shift(28);
  shift.input("x", {1}, Tensor::UINT8).output("y");
  auto& node = shift.node("BitShift", {"x", "x"}, {"y"}, "shift");
  OnnxModel::attribute(node, "direction", tessera_onnx::Attribute::STRING).set_s("LEFT");
  EXPECT_THAT(message(shift, ErrorCode::Unsupported), testing::AllOf(HasSubstr("'shift'"), HasSubstr("28")));
}

TEST_F(OnnxImport, NumbersFreezeInputsOfAnyType) {
  OnnxModel model;
  model.input("x", {2}).input("rate", {}, Tensor::INT64).input("gain", {2}).input("on", {}, Tensor::BOOL);
  model.output("y").output("r");
  model.node("Mul", {"x", "gain"}, {"scaled"});
  model.node("Where", {"on", "scaled", "x"}, {"y"});
  model.node("Identity", {"rate"}, {"r"});
  ImportOptions options;
  options.constantNumbers = {{"rate", "9007199254740993"}, {"gain", "-0.5"}, {"on", "true"}};
  const Graph graph = import(model, options);
  EXPECT_EQ(graph.inputs().size(), 1u);
  const std::map<std::string, HostTensor> inputs{{"x", HostTensor::of<float>({2}, {1, 2})}};
  EXPECT_THAT(run(graph, inputs), ElementsAre(-0.5f, -1));
  EXPECT_THAT(run<std::int64_t>(graph, inputs, 1), ElementsAre(9007199254740993)) << "no double holds it";
  for (const auto& [name, text] :
       std::map<std::string, std::string>{{"rate", "1.5"}, {"gain", "fast"}, {"on", "2"}}) {
    ImportOptions wrong;
    wrong.constantNumbers[name] = text;
    EXPECT_THAT(message(model, ErrorCode::InvalidArgument, wrong),
                testing::AllOf(HasSubstr("'" + name + "'"), HasSubstr("'" + text + "'")));
  }
}

TEST_F(OnnxImport, EveryDamagedNodeIsListed) {
  OnnxModel model;
  model.input("x", {1, 2}).output("y").output("z");
  model.node("Add", {"x"}, {"y"}, "lacks");
  OnnxModel::set(model.node("Softmax", {"x"}, {"z"}, "outside"), "axis", std::int64_t{7});
  EXPECT_THAT(message(model, ErrorCode::BadModel),
              testing::AllOf(HasSubstr("2 nodes"), HasSubstr("Add 'lacks' (operator set 13) of (f32:1x2)"),
                             HasSubstr("Softmax 'outside'"), HasSubstr("axis 7")));
}

TEST_F(OnnxImport, OneErrorListsEverythingUnsupported) {
  OnnxModel model;
  model.input("x", {1, 2, 4, 4}).input("text", {1}, Tensor::STRING).output("y").output("z");
  model.node("Telepathy", {"x"}, {"a"}, "guess");
  model.node("Relu", {"a"}, {"b"}, "fine");
  model.node("Det", {"b"}, {"y"}, "det");
  model.node("BitCast", {"x"}, {"z"}, "far").set_domain("com.example");
  const std::string what = message(model, ErrorCode::Unsupported);
  EXPECT_THAT(what, HasSubstr("4 nodes are not supported"));
  EXPECT_THAT(what, HasSubstr("Telepathy 'guess' (operator set 13) of (f32:1x2x4x4)"));
  EXPECT_THAT(what, HasSubstr("Det 'det' (operator set 13) of (?)"));
  EXPECT_THAT(what, HasSubstr("com.example"));
  EXPECT_THAT(what, HasSubstr("STRING"));
  EXPECT_THAT(what, testing::Not(HasSubstr("'fine'")));
}

}  // namespace
}  // namespace tessera
