// Small files that would take all memory or time: each ends in one error before anything is allocated or
// computed.
#include <gmock/gmock.h>

#include <filesystem>
#include <map>

#include "tests/import/onnx_fixture.hpp"

namespace tessera {
namespace {

using tessera_onnx::Tensor;
using test::OnnxModel;
using testing::AllOf;
using testing::HasSubstr;

class OnnxBudget : public test::OnnxFixture {
 protected:
  /// Whether a constant tensor of the graph takes more than a few bytes.
  static bool holdsConstants(const Graph& graph, std::size_t bytes) {
    for (const auto& tensor : graph.tensors())
      if (tensor.isConstant() && tensor.constant->data.size() > bytes) return true;
    return false;
  }
  static int count(const Graph& graph, const std::string& op) {
    int found = 0;
    for (const auto& layer : graph.layers()) found += layer.op == op;
    return found;
  }
};

OnnxModel filledModel(std::int64_t cells) {
  OnnxModel model;
  model.input("x", {1}).output("y").ints("shape", {cells});
  model.node("ConstantOfShape", {"shape"}, {"c"}, "fill");
  model.node("Add", {"x", "c"}, {"y"});
  return model;
}

TEST_F(OnnxBudget, ConstantsHaveABound) {
  EXPECT_THAT(message(filledModel(std::int64_t{1} << 28), ErrorCode::Unsupported),
              AllOf(HasSubstr("model.onnx"), HasSubstr("'fill'"), HasSubstr("ConstantOfShape"),
                    HasSubstr("1.0 GiB"), HasSubstr("maxConstantBytes")));
  ImportOptions tight;
  tight.maxConstantBytes = 1 << 20;
  EXPECT_NO_THROW(import(filledModel(1 << 18), tight));
  EXPECT_THAT(message(filledModel(1 << 20), ErrorCode::Unsupported, tight), HasSubstr("4.0 MiB"));
  EXPECT_THAT(message(filledModel(std::int64_t{1} << 62), ErrorCode::Unsupported), HasSubstr("'fill'"));
}

/// A GRU over many steps, unrolled: every step multiplies by the same gates' weights.
OnnxModel recurrentModel(std::int64_t steps, std::int64_t hidden) {
  OnnxModel model;
  model.input("x", {steps, 1, 4}).output("y");
  const auto weights = [&](const char* name, Shape shape) {
    std::vector<float> values(static_cast<std::size_t>(elementCount(shape)));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 17) / 64;
    model.floats(name, shape, values);
  };
  weights("w", {1, 3 * hidden, 4});
  weights("r", {1, 3 * hidden, hidden});
  OnnxModel::set(model.node("GRU", {"x", "w", "r"}, {"y"}), "hidden_size", hidden);
  return model;
}

TEST_F(OnnxBudget, WhatUnrolledStepsShareIsMadeOnce) {
  constexpr std::int64_t kSteps = 60, kHidden = 64;
  ImportOptions tight;
  tight.maxConstantBytes = 1 << 20;  // each step's gates alone are 48 KiB
  const Graph graph = import(recurrentModel(kSteps, kHidden), tight);
  std::map<const HostTensor*, std::size_t> bytes;
  for (const auto& tensor : graph.tensors())
    if (tensor.isConstant()) bytes[tensor.constant.get()] = tensor.constant->data.size();
  std::size_t all = 0;
  for (const auto& [value, size] : bytes) all += size;
  EXPECT_LT(all, std::size_t{4 * 3 * kHidden * (kHidden + 4) * sizeof(float)});
}

TEST_F(OnnxBudget, TheBoundIsThatOfAllConstantsTogether) {
  OnnxModel model;
  model.input("i", {1}, Tensor::INT64).output("y").ints("shape", {1 << 22});
  std::vector<std::string> parts;
  for (int n = 0; n < 16; ++n) {
    const std::string name = "c" + std::to_string(n);
    model.node("ConstantOfShape", {"shape"}, {name});
    model.node("Gather", {name, "i"}, {"g" + std::to_string(n)});
    parts.push_back("g" + std::to_string(n));
  }
  OnnxModel::set(model.node("Concat", parts, {"y"}), "axis", std::int64_t{0});
  EXPECT_THAT(message(model, ErrorCode::Unsupported), HasSubstr("'c8'"));
}

TEST_F(OnnxBudget, EveryOperatorThatMakesConstantsAsksFirst) {
  const std::int64_t many = std::int64_t{1} << 32;
  OnnxModel range;
  range.input("x", {1}, Tensor::INT64).output("y");
  range.initializer("from", Tensor::INT64, {}).add_int64_data(0);
  range.initializer("to", Tensor::INT64, {}).add_int64_data(many);
  range.initializer("by", Tensor::INT64, {}).add_int64_data(1);
  range.node("Range", {"from", "to", "by"}, {"r"}, "count");
  range.node("Add", {"x", "r"}, {"y"});
  EXPECT_THAT(message(range, ErrorCode::Unsupported), HasSubstr("'count'"));

  OnnxModel eye;
  eye.input("x", {1 << 16, 1 << 16}).output("y");
  eye.node("EyeLike", {"x"}, {"y"}, "eye");
  EXPECT_THAT(message(eye, ErrorCode::Unsupported), AllOf(HasSubstr("'eye'"), HasSubstr("16.0 GiB")));

  OnnxModel mask;
  mask.input("x", {1 << 16, 1 << 16}).output("y").output("m");
  mask.node("Dropout", {"x"}, {"y", "m"}, "drop");
  EXPECT_THAT(message(mask, ErrorCode::Unsupported), HasSubstr("'drop'"));

  OnnxModel batches;
  batches.input("x", {1 << 16, 1 << 14, 2}).input("i", {1 << 16, 1 << 14, 1}, Tensor::INT64).output("y");
  OnnxModel::set(batches.node("GatherND", {"x", "i"}, {"y"}, "pick"), "batch_dims", std::int64_t{2});
  EXPECT_THAT(message(batches, ErrorCode::Unsupported), HasSubstr("'pick'"));

  OnnxModel reverse;
  reverse.input("x", {1 << 30, 2, 3}).output("y").ints("lengths", {1, 1});
  reverse.node("ReverseSequence", {"x", "lengths"}, {"y"}, "turn");
  EXPECT_THAT(message(reverse, ErrorCode::Unsupported), HasSubstr("'turn'"));
}

TEST_F(OnnxBudget, WhatIsTooLargeToFoldStaysALayer) {
  OnnxModel model;
  model.input("x", {1}).output("y").floats("one", {1}, {1}).ints("shape", {1 << 15, 1 << 15});
  model.node("Expand", {"one", "shape"}, {"wide"});
  model.node("Add", {"x", "wide"}, {"y"});
  const Graph graph = import(model);
  EXPECT_EQ(count(graph, "Expand"), 1);
  EXPECT_FALSE(holdsConstants(graph, 1 << 20));

  OnnxModel doubling;  // 2^34 elements after 34 nodes
  doubling.input("x", {1}).output("y").floats("c0", {1}, {1});
  for (int n = 0; n < 34; ++n) {
    const std::string from = "c" + std::to_string(n);
    OnnxModel::set(doubling.node("Concat", {from, from}, {"c" + std::to_string(n + 1)}), "axis",
                   std::int64_t{0});
  }
  doubling.node("Add", {"x", "c34"}, {"y"});
  EXPECT_FALSE(holdsConstants(import(doubling), 130 << 20));
}

OnnxModel product(std::int64_t m, std::int64_t k, std::int64_t n) {
  OnnxModel model;
  model.input("x", {1}).output("y").ints("as", {m, k}).ints("bs", {k, n}).ints("axes", {0, 1});
  for (const std::string name : {"a", "b"}) {
    auto& node = model.node("ConstantOfShape", {name + "s"}, {name});
    auto& value = *OnnxModel::attribute(node, "value", tessera_onnx::Attribute::TENSOR).mutable_t();
    value.set_data_type(Tensor::FLOAT);
    value.add_dims(1);
    value.add_float_data(0.5f);
  }
  model.node("MatMul", {"a", "b"}, {"ab"}, "product");
  OnnxModel::set(model.node("ReduceSum", {"ab", "axes"}, {"sum"}), "keepdims", std::int64_t{0});
  model.node("Add", {"x", "sum"}, {"y"});
  return model;
}

TEST_F(OnnxBudget, WorkOnConstantsHasABound) {
  EXPECT_EQ(count(import(product(8, 16, 8)), "MatMul"), 0) << "folded";
  ImportOptions tight;
  tight.maxFoldedWork = 0;
  OnnxModel large = product(256, 512, 256);  // more than the allowance of a file of some hundred bytes
  const Graph graph = import(large, tight);
  EXPECT_EQ(count(graph, "MatMul"), 1) << "left to the device";
  EXPECT_THAT(run(graph, {{"x", floats({1}, {1})}}), testing::ElementsAre(1 + 256 * 256 * 512 * 0.25f));
  EXPECT_THAT(message(product(1 << 12, 1 << 11, 1 << 12), ErrorCode::Unsupported), HasSubstr("'product'"));
}

TEST_F(OnnxBudget, ConvolutionsAndPoolsOfConstantsCount) {
  OnnxModel model(17);
  model.input("x", {1})
      .output("y")
      .ints("as", {1, 64, 256, 256})
      .ints("bs", {8, 64, 31, 31})
      .ints("axes", {0, 1, 2, 3});
  model.node("ConstantOfShape", {"as"}, {"a"});
  model.node("ConstantOfShape", {"bs"}, {"b"});
  model.node("Conv", {"a", "b"}, {"m"}, "convolve");
  OnnxModel::set(model.node("ReduceMax", {"m"}, {"r"}), "keepdims", std::int64_t{0});
  model.node("Add", {"x", "r"}, {"y"});
  EXPECT_EQ(count(import(model), "Convolution"), 1) << "2.5e10 multiply-adds are left to the device";

  OnnxModel pool(17);
  pool.input("x", {1}).output("y").ints("as", {1, 1, 2048, 2048});
  pool.node("ConstantOfShape", {"as"}, {"a"});
  OnnxModel::set(pool.node("MaxPool", {"a"}, {"m"}, "pool"), "kernel_shape",
                 std::vector<std::int64_t>{1023, 1023});
  OnnxModel::set(pool.node("ReduceMax", {"m"}, {"r"}), "keepdims", std::int64_t{0});
  pool.node("Add", {"x", "r"}, {"y"});
  EXPECT_THAT(message(pool, ErrorCode::Unsupported), HasSubstr("'pool'"));
}

TEST_F(OnnxBudget, ResizeMakesNoTableWhileItsShapeIsInferred) {
  OnnxModel model;
  model.input("x", {1, 1, 1, 1}).output("y").floats("scales", {4}, {1, 1, 1e9f, 1e9f});
  model.node("Resize", {"x", "", "scales"}, {"y"}, "grow");
  EXPECT_THAT(message(model, ErrorCode::BadModel), AllOf(HasSubstr("'grow'"), HasSubstr("1000000000")));
  OnnxModel line;
  line.input("x", {1, 1, 1, 1}).output("y").floats("scales", {4}, {1, 1, 1, 1 << 24});
  line.node("Resize", {"x", "", "scales"}, {"y"});
  EXPECT_EQ(count(import(line), "Resize"), 1);
}

TEST_F(OnnxBudget, FunctionsThatCallEachOtherTwiceUnrollToABound) {
  OnnxModel model(17);
  model.input("x", {1}).output("y");
  auto* own = model.model.add_opset_import();
  own->set_domain("m");
  own->set_version(1);
  constexpr int kLevels = 30;
  for (int level = 0; level <= kLevels; ++level) {
    auto* function = model.model.add_functions();
    function->set_name("F" + std::to_string(level));
    function->set_domain("m");
    function->add_input("a");
    function->add_output("r");
    const std::string next = level < kLevels ? "F" + std::to_string(level + 1) : "Neg";
    const std::string domain = level < kLevels ? "m" : "";
    OnnxModel::addNode(*function->mutable_node(), next, {"a"}, {"t"}).set_domain(domain);
    OnnxModel::addNode(*function->mutable_node(), next, {"t"}, {"r"}).set_domain(domain);
  }
  model.node("F0", {"x"}, {"y"}, "call").set_domain("m");
  EXPECT_THAT(message(model, ErrorCode::Unsupported), HasSubstr("maxLayers"));
}

// Before, 8,000 took six seconds.
TEST_F(OnnxBudget, EqualNamesOfManyNodesAreToldApart) {
  OnnxModel model;
  model.input("x", {1}).output("v60000");
  for (int n = 0; n < 60000; ++n)
    model.node("Neg", {n ? "v" + std::to_string(n) : "x"}, {"v" + std::to_string(n + 1)}, "same");
  const Graph graph = import(model);
  EXPECT_EQ(graph.layers().size(), 60000u);
  EXPECT_EQ(graph.layers().back().name, "same#60000");
}

// Before, half as many took half a minute.
TEST_F(OnnxBudget, ShapesOfManyInputsAreClosedOneByOne) {
  OnnxModel model;
  constexpr int kInputs = 60000;
  for (int n = 0; n < kInputs; ++n) model.input("x" + std::to_string(n), {-1, 2});
  model.node("Neg", {"x7"}, {"y"});
  model.output("y");
  ImportOptions options;
  options.inputShapes["x0"] = {5, 2};  // all have the same symbol
  const Graph graph = import(model, options);
  EXPECT_EQ(graph.inputs().size(), static_cast<std::size_t>(kInputs));
  EXPECT_EQ(graph.tensor(graph.inputs().back()).shape, (Shape{5, 2}));
}

TEST_F(OnnxBudget, AFileWithHolesHoldsOnlyWhatLiesOnTheDisk) {
  OnnxModel model;
  model.input("x", {1}).output("y");
  auto& weights = model.initializer("w", Tensor::FLOAT, {std::int64_t{1} << 31});
  weights.set_data_location(Tensor::EXTERNAL);
  auto* entry = weights.add_external_data();
  entry->set_key("location");
  entry->set_value("w.bin");
  model.node("Add", {"x", "w"}, {"y"});
  folder_.write("w.bin", "");
  std::filesystem::resize_file(folder_.path() / "w.bin", std::uintmax_t{1} << 33);
  EXPECT_THAT(message(model, ErrorCode::Unsupported), AllOf(HasSubstr("'w'"), HasSubstr("8.0 GiB")));
}

TEST_F(OnnxBudget, TensorsThatShareAFileCountOnceEach) {
  OnnxModel model;
  model.input("x", {1}).output("y");
  std::vector<std::string> names{"x"};
  for (int n = 0; n < 512; ++n) {
    auto& weights = model.initializer("w" + std::to_string(n), Tensor::FLOAT, {1 << 18});
    weights.set_data_location(Tensor::EXTERNAL);
    auto* entry = weights.add_external_data();
    entry->set_key("location");
    entry->set_value("w.bin");
    names.push_back("w" + std::to_string(n));
  }
  model.node("Sum", names, {"y"});
  folder_.write("w.bin", std::string(1 << 20, '\1'));
  EXPECT_THAT(message(model, ErrorCode::Unsupported), HasSubstr("initializer 'w"));
}

}  // namespace
}  // namespace tessera
