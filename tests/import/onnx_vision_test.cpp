// Import functions of operators that detectors, deformable networks and transformers hold, on the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/import/onnx_fixture.hpp"

namespace tessera {
namespace {

using tessera_onnx::Attribute;
using tessera_onnx::Tensor;
using test::OnnxModel;
using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

class OnnxVision : public test::OnnxFixture {
 protected:
  static void text(tessera_onnx::Node& node, const std::string& name, const std::string& value) {
    OnnxModel::attribute(node, name, Attribute::STRING).set_s(value);
  }
  static void number(tessera_onnx::Node& node, const std::string& name, float value) {
    OnnxModel::attribute(node, name, Attribute::FLOAT).set_f(value);
  }
};

TEST_F(OnnxVision, GridSampleKnowsTheNamesOfBothOperatorSets) {
  for (const auto& [opset, mode] : std::map<int, std::string>{{16, "bilinear"}, {20, "linear"}}) {
    OnnxModel model(opset);
    model.input("x", {1, 1, 1, 4}).output("y").floats("grid", {1, 1, 2, 2}, {0, 0, -1, 0});
    text(model.node("GridSample", {"x", "grid"}, {"y"}), "mode", mode);
    EXPECT_THAT(runCounting(import(model)), ElementsAre(1.5f, 0)) << opset;
  }
}

TEST_F(OnnxVision, RoiAlignShiftsRegionsByHalfACellFromSet16On) {
  for (const int opset : {10, 16}) {
    OnnxModel model(opset);
    model.input("x", {1, 1, 1, 8}).output("y").floats("rois", {1, 4}, {1, 0, 5, 1}).ints("items", {0});
    OnnxModel::set(model.node("RoiAlign", {"x", "rois", "items"}, {"y"}), "output_width", std::int64_t{2});
    EXPECT_THAT(runCounting(import(model)), opset == 10 ? ElementsAre(2.0f, 4.0f) : ElementsAre(1.5f, 3.5f))
        << opset;
  }
}

TEST_F(OnnxVision, DeformConvWithoutOffsetsIsAConvolution) {
  OnnxModel model(19);
  model.input("x", {1, 2, 1, 2}).output("y");
  model.floats("w", {2, 1, 1, 1}, {2, 10})
      .floats("b", {2}, {1, 0})
      .floats("offsets", {1, 2, 1, 2}, {0, 0, 0, 0});
  auto& node = model.node("DeformConv", {"x", "w", "offsets", "b"}, {"y"});
  OnnxModel::set(node, "group", std::int64_t{2});
  EXPECT_THAT(runCounting(import(model)), ElementsAre(1, 3, 20, 30));
}

// Boxes counted 0.. 11: corners (0, 1, 2, 3), (4, ..), (8, ..) do not overlap; scores 0, 1, 2.
TEST_F(OnnxVision, NonMaxSuppressionGivesAsManyRowsAsItSelects) {
  OnnxModel model(11);
  model.input("boxes", {1, 3, 4})
      .input("scores", {1, 1, 3})
      .output("selected")
      .output("shape")
      .output("rows");
  model.ints("most", {3}).floats("iou", {1}, {0.5f}).floats("score", {1}, {0.5f});
  model.node("NonMaxSuppression", {"boxes", "scores", "most", "iou", "score"}, {"selected"}, "nms");
  model.node("Shape", {"selected"}, {"shape"});
  model.node("Size", {"selected"}, {"rows"});
  const Graph graph = import(model);
  EXPECT_THAT(runCounting(graph, 0), ElementsAre(0, 0, 2, 0, 0, 1));
  EXPECT_THAT(runCounting(graph, 1), ElementsAre(2, 3));
  EXPECT_THAT(runCounting(graph, 2), ElementsAre(6));
}

TEST_F(OnnxVision, NonMaxSuppressionOfConstantsIsAConstantOfItsLength) {
  OnnxModel model(11);
  model.input("x", {1, 3}, Tensor::INT64).output("y");
  model.floats("boxes", {1, 2, 4}, {0, 0, 1, 1, 0, 0, 1, 1})
      .floats("scores", {1, 1, 2}, {1, 2})
      .ints("most", {2});
  model.node("NonMaxSuppression", {"boxes", "scores", "most"}, {"selected"});
  model.node("Add", {"x", "selected"}, {"y"});
  const Graph graph = import(model);
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).shape, (Shape{1, 3}));
  EXPECT_THAT(runCounting(graph), ElementsAre(0, 1, 3));
}

TEST_F(OnnxVision, NodesThatMixSelectedRowsAreRefusedByName) {
  OnnxModel model(11);
  model.input("boxes", {1, 3, 4}).input("scores", {1, 1, 3}).output("y").ints("most", {3});
  model.node("NonMaxSuppression", {"boxes", "scores", "most"}, {"selected"}, "nms");
  OnnxModel::set(model.node("ReduceMax", {"selected"}, {"y"}, "mixer"), "axes", std::vector<std::int64_t>{0});
  try {
    import(model);
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::Unsupported);
    EXPECT_THAT(e.what(), testing::AllOf(testing::HasSubstr("mixer"), testing::HasSubstr("selected")));
  }
}

TEST_F(OnnxVision, AffineGridTransformsCoordinatesOfCells) {
  OnnxModel model(20);  // theta (0, 1, 2; 3, 4, 5): x' = y + 2, y' = 3 x + 4 y + 5
  model.input("theta", {1, 2, 3}).output("y").ints("size", {1, 1, 1, 2});
  model.node("AffineGrid", {"theta", "size"}, {"y"});
  EXPECT_THAT(runCounting(import(model)), ElementsAre(2, 3.5f, 2, 6.5f));  // cells at x = -0.5, 0.5 and y = 0
}

TEST_F(OnnxVision, CenterCropPadKeepsTheMiddle) {
  OnnxModel model(18);
  model.input("x", {5, 1}).output("y").ints("shape", {2, 4});
  model.node("CenterCropPad", {"x", "shape"}, {"y"});
  EXPECT_THAT(runCounting(import(model)), ElementsAre(0, 1, 0, 0, 0, 2, 0, 0));
}

TEST_F(OnnxVision, SpaceToDepthKeepsCellsOfAChannelTogetherInModeCrd) {
  OnnxModel model(28);
  model.input("x", {1, 2, 2, 2}).output("y");
  auto& node = model.node("SpaceToDepth", {"x"}, {"y"});
  OnnxModel::set(node, "blocksize", std::int64_t{2});
  text(node, "mode", "CRD");
  EXPECT_THAT(runCounting(import(model)), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST_F(OnnxVision, LpNormalizationOfZerosGivesZeros) {
  OnnxModel model(22);
  model.input("x", {3, 1}).output("y");
  model.node("LpNormalization", {"x"}, {"y"});
  EXPECT_THAT(runCounting(import(model)), Pointwise(FloatNear(1e-6f), std::vector<float>{0, 1, 1}));
}

// Queries of zeros weigh all keys they see alike: the result is the mean of their values.
class OnnxAttention : public OnnxVision {
 protected:
  OnnxModel model_{23};
  /// Four heads of queries share two heads of keys; values are 0, 1 and 2, 3.
  tessera_onnx::Node& attention(const std::vector<std::string>& more = {}) {
    model_.input("v", {1, 2, 2}).output("y");
    model_.floats("q", {1, 2, 4}, std::vector<float>(8, 0)).floats("k", {1, 2, 2}, {1, 2, 3, 4});
    std::vector<std::string> inputs{"q", "k", "v"};
    inputs.insert(inputs.end(), more.begin(), more.end());
    auto& node = model_.node("Attention", inputs, {"y"});
    OnnxModel::set(node, "q_num_heads", std::int64_t{4});
    OnnxModel::set(node, "kv_num_heads", std::int64_t{2});
    return node;
  }
};

TEST_F(OnnxAttention, HeadsOfKeysServeSeveralHeadsOfQueries) {
  attention();
  EXPECT_THAT(runCounting(import(model_)), ElementsAre(1, 1, 2, 2, 1, 1, 2, 2));
}

TEST_F(OnnxAttention, CausalQueriesSeeNoLaterKeys) {
  OnnxModel::set(attention(), "is_causal", std::int64_t{1});
  EXPECT_THAT(runCounting(import(model_)), ElementsAre(0, 0, 1, 1, 1, 1, 2, 2));
}

TEST_F(OnnxAttention, WindowsEndAtEachItemsOwnLength) {
  model_.model.mutable_opset_import(0)->set_version(25);
  auto& node = attention({"", "", "", "lengths"});
  model_.ints("lengths", {1});  // the last query is the only key's: the first one lies before it
  OnnxModel::set(node, "left_window_size", std::int64_t{0});
  OnnxModel::set(node, "right_window_size", std::int64_t{0});
  EXPECT_THAT(runCounting(import(model_)), ElementsAre(0, 0, 0, 0, 0, 0, 1, 1));
}

TEST_F(OnnxAttention, AQueryThatSeesNoKeyGivesZero) {
  attention({"mask"});
  auto& mask = model_.initializer("mask", Tensor::BOOL, {2, 2});
  for (const int seen : {0, 0, 1, 0}) mask.add_int32_data(seen);
  EXPECT_THAT(runCounting(import(model_)), ElementsAre(0, 0, 0, 0, 0, 0, 1, 1));
}

TEST_F(OnnxAttention, PastKeysAndValuesComeFirst) {
  attention({"", "pastK", "pastV"});
  model_.floats("pastK", {1, 2, 1, 1}, {5, 5}).floats("pastV", {1, 2, 1, 1}, {-8, 2});
  EXPECT_THAT(runCounting(import(model_)),  // thirds are not exact
              Pointwise(FloatNear(1e-6f), std::vector<float>{-2, -2, 2, 2, -2, -2, 2, 2}));
}

TEST_F(OnnxAttention, ScaleAndSoftcapBendTheScores) {
  OnnxModel model(23);
  model.input("v", {1, 1, 2, 1}).output("y").floats("q", {1, 1, 1, 1}, {2}).floats("k", {1, 1, 2, 1}, {0, 3});
  auto& node = model.node("Attention", {"q", "k", "v"}, {"y"});
  number(node, "scale", 0.5f);
  number(node, "softcap", 2);
  const float score = 2 * std::tanh(1.5f);
  EXPECT_THAT(runCounting(import(model)),
              Pointwise(FloatNear(1e-5f), std::vector<float>{1 / (1 + std::exp(-score))}));
}

TEST_F(OnnxVision, RotaryEmbeddingTurnsPairs) {
  for (const bool interleaved : {false, true}) {
    OnnxModel model(23);
    model.input("x", {1, 1, 2, 4}).output("y");  // one head, two positions: (0, 1, 2, 3), (4, 5, 6, 7)
    model.floats("cos", {1, 2, 2}, {0, 0, 1, 1}).floats("sin", {1, 2, 2}, {1, 1, 0, 0});
    OnnxModel::set(model.node("RotaryEmbedding", {"x", "cos", "sin"}, {"y"}), "interleaved",
                   std::int64_t{interleaved});
    if (interleaved)
      EXPECT_THAT(runCounting(import(model)), ElementsAre(-1, 0, -3, 2, 4, 5, 6, 7));
    else
      EXPECT_THAT(runCounting(import(model)), ElementsAre(-2, -3, 0, 1, 4, 5, 6, 7));
  }
}

}  // namespace
}  // namespace tessera
