// Damaged and contradictory models: always an error that says what is wrong, never a crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>

#include <random>

#include "tessera/importer.hpp"
#include "tessera/log.hpp"
#include "tests/import/onnx_model.hpp"
#include "tests/support/onnx_conformance.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

using tessera_onnx::Tensor;
using test::OnnxModel;
using testing::AllOf;
using testing::HasSubstr;

class OnnxBadModel : public testing::Test {
 protected:
  static void SetUpTestSuite() { setLogger(nullptr); }  // damaged operator sets warn

  std::string why(const std::string& bytes) {
    try {
      importOnnx(folder_.write("model.onnx", bytes));
    } catch (const Error& e) {
      EXPECT_EQ(toString(e.code()), "BadModel") << e.what();
      EXPECT_THAT(e.what(), HasSubstr("model.onnx"));
      return e.what();
    }
    ADD_FAILURE() << "no error";
    return {};
  }
  std::string why(const OnnxModel& model) { return why(model.bytes()); }
  test::ScratchFolder folder_;
};

OnnxModel convolutionModel(std::vector<std::int64_t> weightDims, std::size_t weights) {
  OnnxModel model;
  model.input("x", {1, 2, 5, 5}).output("y");
  model.floats("w", std::move(weightDims), std::vector<float>(weights, 0.5f));
  model.node("Conv", {"x", "w"}, {"y"}, "conv");
  return model;
}

TEST_F(OnnxBadModel, FilesThatAreNoModels) {
  EXPECT_THROW(importOnnx(folder_.path() / "absent.onnx"), Error);
  EXPECT_THROW(importOnnx(folder_.path()), Error);
  why(std::string());
  why(std::string("this is a text file, not a network\n"));
  why(std::string(5000, '\0'));
  why(std::string(5000, '\xff'));
}

TEST_F(OnnxBadModel, Cycles) {
  OnnxModel model;
  model.input("x", {1}).output("y");
  model.node("Add", {"x", "b"}, {"a"}, "one");
  model.node("Neg", {"a"}, {"b"}, "two");
  model.node("Neg", {"a"}, {"y"}, "three");
  EXPECT_THAT(why(model), AllOf(HasSubstr("cycle"), HasSubstr("'one'"), HasSubstr("'two'")));
}

TEST_F(OnnxBadModel, ValuesNobodyMakesOrTwoMake) {
  OnnxModel dangling;
  dangling.input("x", {1}).output("y");
  dangling.node("Add", {"x", "ghost"}, {"y"}, "sum");
  EXPECT_THAT(why(dangling), AllOf(HasSubstr("'ghost'"), HasSubstr("'sum'")));
  OnnxModel twice;
  twice.input("x", {1}).output("y");
  twice.node("Neg", {"x"}, {"y"}, "one");
  twice.node("Exp", {"x"}, {"y"}, "two");
  EXPECT_THAT(why(twice), AllOf(HasSubstr("made twice"), HasSubstr("'two'")));
  OnnxModel lost;
  lost.input("x", {1}).output("y");
  lost.node("Neg", {"x"}, {"z"});
  EXPECT_THAT(why(lost), HasSubstr("'y'"));
}

TEST_F(OnnxBadModel, ShapesAndValuesThatContradict) {
  EXPECT_THAT(why(convolutionModel({3, 2, 3, 3}, 7)),
              AllOf(HasSubstr("'w'"), HasSubstr("7 values"), HasSubstr("54")));
  EXPECT_THAT(why(convolutionModel({3, 5, 3, 3}, 135)), AllOf(HasSubstr("'conv'"), HasSubstr("Conv")));
  EXPECT_THAT(why(convolutionModel({3, 2, 9, 9}, 486)), HasSubstr("'conv'"));
  EXPECT_THAT(why(convolutionModel({-3, 2, 3, 3}, 54)), HasSubstr("negative"));
  EXPECT_THAT(why(convolutionModel({1ll << 40, 1ll << 40}, 54)), HasSubstr("more elements"));
  OnnxModel strides = convolutionModel({3, 2, 3, 3}, 54);
  OnnxModel::set(*strides.graph().mutable_node(0), "strides", std::vector<std::int64_t>{1, 0});
  EXPECT_THAT(why(strides), AllOf(HasSubstr("'conv'"), HasSubstr("strides")));
  OnnxModel kind = convolutionModel({3, 2, 3, 3}, 54);
  OnnxModel::set(*kind.graph().mutable_node(0), "strides", std::int64_t{2});
  EXPECT_THAT(why(kind), AllOf(HasSubstr("'conv'"), HasSubstr("strides"), HasSubstr("INTS")));
}

TEST_F(OnnxBadModel, OperandsOfWrongTypes) {
  OnnxModel model;
  model.input("x", {2}).input("i", {2}, Tensor::INT64).output("y");
  model.node("Add", {"x", "i"}, {"y"}, "sum");
  EXPECT_THAT(why(model), AllOf(HasSubstr("'sum'"), HasSubstr("f32"), HasSubstr("i64")));
  OnnxModel missing;
  missing.input("x", {2}).output("y");
  missing.node("Add", {"x"}, {"y"}, "sum");
  EXPECT_THAT(why(missing), AllOf(HasSubstr("'sum'"), HasSubstr("input 1 is missing")));
  OnnxModel axis;
  axis.input("x", {2, 3}).output("y");
  OnnxModel::set(axis.node("Softmax", {"x"}, {"y"}, "soft"), "axis", std::int64_t{4});
  EXPECT_THAT(why(axis), AllOf(HasSubstr("'soft'"), HasSubstr("axis 4")));
}

TEST_F(OnnxBadModel, FunctionsThatCallThemselves) {
  OnnxModel model;
  model.input("x", {2}).output("y");
  auto* function = model.model.add_functions();
  function->set_name("F");
  function->set_domain("mine");
  function->add_input("a");
  function->add_output("r");
  OnnxModel::addNode(*function->mutable_node(), "F", {"a"}, {"r"}).set_domain("mine");
  model.node("F", {"x"}, {"y"}, "call").set_domain("mine");
  EXPECT_THAT(why(model), HasSubstr("deep"));
}

/// A model that touches many importers, for damage.
OnnxModel varied() {
  OnnxModel model = convolutionModel({3, 2, 3, 3}, 54);
  model.graph().clear_output();
  model.output("out");
  model.ints("shape", {1, -1}).ints("starts", {1}).ints("ends", {20}).ints("axes", {1}).ints("k", {2});
  model.floats("scales", {4}, {1, 1, 2, 1.5f}).floats("fc", {4, 18}, std::vector<float>(72, 0.1f));
  auto& resize = model.node("Resize", {"y", "", "scales"}, {"big"});
  auto& mode = OnnxModel::attribute(resize, "mode", tessera_onnx::Attribute::STRING);
  mode.set_s("linear");
  OnnxModel::set(model.node("MaxPool", {"big"}, {"pool"}), "kernel_shape", std::vector<std::int64_t>{2, 2});
  model.node("Reshape", {"pool", "shape"}, {"flat"});
  model.node("Slice", {"flat", "starts", "ends", "axes"}, {"part"});
  OnnxModel::set(model.node("Concat", {"part", "part"}, {"both"}), "axis", std::int64_t{1});
  model.ints("begin", {0}).ints("stop", {18});
  model.node("Slice", {"both", "begin", "stop", "axes"}, {"eighteen"});
  OnnxModel::set(model.node("Gemm", {"eighteen", "fc"}, {"scores"}), "transB", std::int64_t{1});
  model.node("TopK", {"scores", "k"}, {"best", "where"});
  OnnxModel::set(model.node("Transpose", {"best"}, {"turned"}), "perm", std::vector<std::int64_t>{1, 0});
  model.node("Softmax", {"turned"}, {"out"});
  return model;
}

/// Imports whatever the bytes are. An Error is an answer; anything else escapes and fails the test.
bool imports(const std::filesystem::path& file) {
  try {
    importOnnx(file);
    return true;
  } catch (const Error& e) {
    EXPECT_NE(e.code(), ErrorCode::Internal) << e.what();
    EXPECT_STRNE(e.what(), "");
    return false;
  }
}

TEST_F(OnnxBadModel, TruncatedModelsAreRefused) {
  const std::string whole = varied().bytes();
  ASSERT_TRUE(imports(folder_.write("model.onnx", whole)));
  for (int part = 0; part < 50; ++part)
    EXPECT_FALSE(imports(folder_.write("model.onnx", whole.substr(0, whole.size() * part / 50)))) << part;
}

TEST_F(OnnxBadModel, RandomDamageNeverCrashes) {
  const std::string whole = varied().bytes();
  std::mt19937 random(7);
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string damaged = whole;
    const auto hits = 1 + random() % 4;
    for (unsigned i = 0; i < hits; ++i) {
      const auto at = random() % damaged.size();
      switch (random() % 4) {
        case 0:
          damaged[at] = static_cast<char>(random());
          break;
        case 1:
          damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
          break;
        case 2:
          damaged.erase(at, 1 + random() % 8);
          break;
        case 3:
          damaged.insert(at, std::string(1 + random() % 3, static_cast<char>(random())));
          break;
      }
    }
    refused += !imports(folder_.write("model.onnx", damaged));
  }
  EXPECT_GT(refused, 300) << "damage should mostly be noticed";
}

// Every operator's own cases, with a bit turned here and there.
TEST_F(OnnxBadModel, DamagedNodeTestsNeverCrash) {
  const auto cases = test::conformanceCases("node");
  if (cases.empty()) GTEST_SKIP() << "no ONNX test data under " << test::onnxTestData();
  std::mt19937 random(11);
  for (const auto& folder : cases) {
    std::ifstream in(folder / "model.onnx", std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(in), {}};
    for (int round = 0; round < 2; ++round) {
      std::string damaged = whole;
      for (int i = 0; i <= round; ++i)
        damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
      imports(folder_.write("model.onnx", damaged));
    }
  }
}

TEST_F(OnnxBadModel, ATruncatedRealModelIsRefused) {
  const auto file = test::sharedFolder() / "models/ultraface/version-RFB-320.onnx";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file;
  std::ifstream in(file, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  for (int part = 0; part < 50; ++part) why(whole.substr(0, whole.size() * part / 50));
}

}  // namespace
}  // namespace tessera
