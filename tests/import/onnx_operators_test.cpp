// Import functions whose choices the ONNX project's own data do not reach: newer operator sets, attribute
// variants.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/import/onnx_fixture.hpp"

namespace tessera {
namespace {

using tessera_onnx::Attribute;
using tessera_onnx::Tensor;
using test::OnnxModel;
using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

class OnnxOperators : public test::OnnxFixture {
 protected:
  static Shape outputShape(const Graph& graph, std::size_t i = 0) {
    return graph.tensor(graph.outputs().at(i)).shape;
  }
  static const Layer& last(const Graph& graph) { return graph.layers().back(); }
};

// Two groups of two channels, one cell each: 0, 1 | 2, 3 are normalised to -1, 1.
TEST_F(OnnxOperators, GroupNormalizationScalesGroupsInSet18AndChannelsInSet21) {
  for (const int opset : {18, 21}) {
    OnnxModel model(opset);
    model.input("x", {1, 4, 1, 1}).output("y");
    if (opset == 18)
      model.floats("s", {2}, {1, 10}).floats("b", {2}, {0, 5});
    else
      model.floats("s", {4}, {1, 2, 3, 4}).floats("b", {4}, {0, 0, 5, 5});
    auto& node = model.node("GroupNormalization", {"x", "s", "b"}, {"y"});
    OnnxModel::set(node, "num_groups", std::int64_t{2});
    OnnxModel::attribute(node, "epsilon", Attribute::FLOAT).set_f(0);
    const std::vector<float> expected =
        opset == 18 ? std::vector<float>{-1, 1, -5, 15} : std::vector<float>{-1, 2, 2, 9};
    EXPECT_THAT(runCounting(import(model)), Pointwise(FloatNear(1e-5f), expected)) << opset;
  }
}

TEST_F(OnnxOperators, SplitByNumberLeavesTheLastPartSmaller) {
  OnnxModel model(18);
  model.input("x", {7}).output("a").output("b").output("c");
  OnnxModel::set(model.node("Split", {"x"}, {"a", "b", "c"}), "num_outputs", std::int64_t{3});
  const Graph graph = import(model);
  EXPECT_THAT(runCounting(graph, 0), ElementsAre(0, 1, 2));
  EXPECT_THAT(runCounting(graph, 2), ElementsAre(6));
}

TEST_F(OnnxOperators, SliceTakesNegativeStepsAndEndsBeyondTheExtent) {
  OnnxModel model(13);
  model.input("x", {2, 5}).output("y");
  model.ints("starts", {-1, 10})
      .ints("ends", {std::numeric_limits<std::int64_t>::min(), 0})
      .ints("axes", {0, 1})
      .ints("steps", {-1, -2});
  model.node("Slice", {"x", "starts", "ends", "axes", "steps"}, {"y"});
  EXPECT_THAT(runCounting(import(model)), ElementsAre(9, 7, 4, 2));
}

TEST_F(OnnxOperators, PadReachesTheAxesListedOnly) {
  OnnxModel model(18);
  model.input("x", {2, 2}).ints("pads", {1, 0}).floats("value", {}, {9}).ints("axes", {-1}).output("y");
  model.node("Pad", {"x", "pads", "value", "axes"}, {"y"});
  EXPECT_THAT(runCounting(import(model)), ElementsAre(9, 0, 1, 9, 2, 3));
}

TEST_F(OnnxOperators, ReductionsWithoutAxesReduceAllOrNothing) {
  for (const bool noop : {false, true}) {
    OnnxModel model(18);
    model.input("x", {2, 2}).output("y");
    auto& node = model.node("ReduceMean", {"x"}, {"y"});
    OnnxModel::set(node, "noop_with_empty_axes", std::int64_t{noop});
    OnnxModel::set(node, "keepdims", std::int64_t{0});
    const Graph graph = import(model);
    if (noop)
      EXPECT_THAT(runCounting(graph), ElementsAre(0, 1, 2, 3));
    else
      EXPECT_THAT(runCounting(graph), ElementsAre(1.5f));
  }
}

// Kernels clamp indices that are computed; what the file holds is looked at.
TEST_F(OnnxOperators, KnownIndicesLieWithinTheirExtents) {
  const std::int64_t far = std::int64_t{1} << 40;
  for (const std::string type : {"Gather", "GatherElements", "ScatterElements", "GatherND", "ScatterND"})
    for (const std::int64_t index :
         {std::int64_t{1}, std::int64_t{-2}, std::int64_t{2}, std::int64_t{-3}, far, -far}) {
      SCOPED_TRACE(type + " " + std::to_string(index));
      const bool rows = type.ends_with("ND");  // the first coordinate's extent is 5
      OnnxModel model(18);
      model.input("x", {5, 2});
      auto& indices = model.initializer("i", tessera_onnx::Tensor::INT64, {1, rows ? 2 : 1});
      if (rows) indices.add_int64_data(4);
      indices.add_int64_data(index);
      std::vector<std::string> operands{"x", "i"};
      if (type.starts_with("Scatter")) {
        model.floats("u", rows ? Shape{1} : Shape{1, 1}, {7});
        operands.push_back("u");
      }
      auto& node = model.output("y").node(type, operands, {"y"}, "pick");
      if (!rows) OnnxModel::set(node, "axis", std::int64_t{1});
      if (index == 1 || index == -2)
        import(model);
      else
        EXPECT_THAT(
            message(model, ErrorCode::BadModel),
            testing::AllOf(testing::HasSubstr("'pick'"), testing::HasSubstr("index " + std::to_string(index) +
                                                                            " lies outside an extent of 2")));
    }
}

TEST_F(OnnxOperators, RecurrentLayersAreAsWideAsTheirWeights) {
  for (const std::int64_t hidden : {std::int64_t{3}, std::int64_t{1} << 40}) {
    OnnxModel model(14);
    model.input("x", {2, 1, 4}).floats("w", {1, 3, 4}, std::vector<float>(12, 0.1f));
    model.floats("r", {1, 3, 3}, std::vector<float>(9, 0.1f)).output("y");
    OnnxModel::set(model.node("RNN", {"x", "w", "r"}, {"y"}, "rnn"), "hidden_size", hidden);
    if (hidden == 3)
      EXPECT_EQ(outputShape(import(model)), (Shape{2, 1, 1, 3}));
    else
      EXPECT_THAT(message(model, ErrorCode::BadModel), testing::HasSubstr("hidden_size"));
  }
}

// ONNX Runtime and PyTorch agree; what is cut off is not repeated.
TEST_F(OnnxOperators, NegativePadsCutBeforeWhatIsLeftIsRepeated) {
  for (const auto& [mode, wanted] : std::map<std::string, std::vector<float>>{
           {"wrap", {1, 2, 0, 1, 2}}, {"reflect", {2, 1, 0, 1, 2}}, {"edge", {0, 0, 0, 1, 2}}}) {
    OnnxModel model(19);
    model.input("x", {4}).ints("pads", {2, -1}).output("y");
    OnnxModel::attribute(model.node("Pad", {"x", "pads"}, {"y"}), "mode", Attribute::STRING).set_s(mode);
    EXPECT_THAT(runCounting(import(model)), testing::ElementsAreArray(wanted)) << mode;
    OnnxModel behind(19);
    behind.input("x", {4}).ints("pads", {-1, 3}).output("y");
    OnnxModel::attribute(behind.node("Pad", {"x", "pads"}, {"y"}), "mode", Attribute::STRING).set_s(mode);
    const std::vector<float> after = mode == "wrap"   ? std::vector<float>{1, 2, 3, 1, 2, 3}
                                     : mode == "edge" ? std::vector<float>{1, 2, 3, 3, 3, 3}
                                                      : std::vector<float>{1, 2, 3, 2, 1, 2};
    EXPECT_THAT(runCounting(import(behind)), testing::ElementsAreArray(after)) << mode;
  }
}

// The sum is over nothing; the square and the logarithm are taken.
TEST_F(OnnxOperators, ReductionsOverNoAxisStillDoWhatIsDoneToElements) {
  for (const auto& [type, wanted] : std::map<std::string, std::vector<float>>{
           {"ReduceSumSquare", {0, 1, 4, 9}}, {"ReduceL1", {0, 1, 2, 3}}, {"ReduceL2", {0, 1, 2, 3}}}) {
    OnnxModel model(18);
    model.input("x", {2, 2}).output("y");
    OnnxModel::set(model.node(type, {"x"}, {"y"}), "noop_with_empty_axes", std::int64_t{1});
    const Graph graph = import(model);
    EXPECT_EQ(outputShape(graph), (Shape{2, 2}));
    EXPECT_THAT(runCounting(graph), testing::ElementsAreArray(wanted)) << type;
  }
}

TEST_F(OnnxOperators, ResizeKeepsTheAspectRatio) {
  for (const auto& [policy, expected] : std::map<std::string, Shape>{
           {"stretch", {1, 1, 8, 12}}, {"not_larger", {1, 1, 6, 12}}, {"not_smaller", {1, 1, 8, 16}}}) {
    OnnxModel model(18);
    model.input("x", {1, 1, 4, 8}).ints("sizes", {8, 12}).output("y");
    auto& node = model.node("Resize", {"x", "", "", "sizes"}, {"y"});
    OnnxModel::set(node, "axes", std::vector<std::int64_t>{2, 3});
    OnnxModel::attribute(node, "keep_aspect_ratio_policy", Attribute::STRING).set_s(policy);
    EXPECT_EQ(outputShape(import(model)), expected) << policy;
  }
}

// Integers are interpolated as floats and cut to their type.
TEST_F(OnnxOperators, ResizeInterpolatesIntegers) {
  for (const int type : {Tensor::UINT8, Tensor::INT8, Tensor::INT32, Tensor::INT64}) {
    OnnxModel model(18);
    model.input("x", {4}, type).output("y").ints("sizes", {7});
    auto& node = model.node("Resize", {"x", "", "", "sizes"}, {"y"});
    OnnxModel::attribute(node, "mode", Attribute::STRING).set_s("linear");
    OnnxModel::attribute(node, "coordinate_transformation_mode", Attribute::STRING).set_s("align_corners");
    const Graph graph = import(model);
    EXPECT_EQ(graph.tensor(graph.outputs()[0]).type, graph.tensor(graph.inputs()[0]).type);
    EXPECT_THAT(runCounting(graph, 0, 5), ElementsAre(0, 2, 5, 7, 10, 12, 15)) << type;  // 2.5, 7.5, 12.5
  }
  OnnxModel model(18);
  model.input("x", {2}, Tensor::UINT8).output("y").ints("sizes", {6});
  auto& node = model.node("Resize", {"x", "", "", "sizes"}, {"y"});
  OnnxModel::attribute(node, "mode", Attribute::STRING).set_s("cubic");
  EXPECT_THAT(runCounting(import(model), 0, 255),
              testing::Each(testing::AllOf(testing::Ge(0), testing::Le(255))));
}

TEST_F(OnnxOperators, ResizeAntialiases) {
  OnnxModel model(18);
  model.input("x", {1, 1, 4}).output("y").floats("scales", {3}, {1, 1, 0.5f});
  auto& node = model.node("Resize", {"x", "", "scales"}, {"y"});
  OnnxModel::attribute(node, "mode", Attribute::STRING).set_s("linear");
  OnnxModel::set(node, "antialias", std::int64_t{1});
  EXPECT_THAT(runCounting(import(model), 0, 4), ElementsAre(2.5f, 9.5f));
}

TEST_F(OnnxOperators, ScatterElementsTakesEveryReductionAndNegativeIndices) {
  for (const auto& [reduction, expected] : std::map<std::string, std::vector<float>>{{"none", {9, 1, 2, 0}},
                                                                                     {"add", {9, 1, 2, 3}},
                                                                                     {"mul", {0, 1, 2, 0}},
                                                                                     {"max", {9, 1, 2, 3}},
                                                                                     {"min", {0, 1, 2, 0}}}) {
    for (const int type : {Tensor::FLOAT, Tensor::UINT8, Tensor::INT64}) {
      OnnxModel model(18);
      model.input("x", {4}, type).output("y").ints("i", {-4, -1});
      auto& updates = model.initializer("u", type, {2});
      for (const int value : {9, 0}) {
        if (type == Tensor::FLOAT) updates.add_float_data(static_cast<float>(value));
        if (type == Tensor::UINT8) updates.add_int32_data(value);
        if (type == Tensor::INT64) updates.add_int64_data(value);
      }
      auto& node = model.node("ScatterElements", {"x", "i", "u"}, {"y"});
      OnnxModel::attribute(node, "reduction", Attribute::STRING).set_s(reduction);
      EXPECT_THAT(runCounting(import(model)), testing::ElementsAreArray(expected))
          << reduction << " " << type;
    }
  }
}

TEST_F(OnnxOperators, RmsNormalizationDividesByTheRootOfTheMeanSquare) {
  OnnxModel model(23);
  model.input("x", {1, 2, 2}).output("y").floats("s", {2}, {1, 10});
  auto& node = model.node("RMSNormalization", {"x", "s"}, {"y"});
  OnnxModel::attribute(node, "epsilon", Attribute::FLOAT).set_f(0);
  const float a = std::sqrt(0.5f), b = std::sqrt(6.5f);  // rows 0, 1 and 2, 3
  EXPECT_THAT(runCounting(import(model)),
              Pointwise(FloatNear(1e-5f), std::vector<float>{0, 10 / a, 2 / b, 30 / b}));
}

TEST_F(OnnxOperators, SwishGatesByAlpha) {
  OnnxModel model(24);
  model.input("x", {3}).output("y");
  OnnxModel::attribute(model.node("Swish", {"x"}, {"y"}), "alpha", Attribute::FLOAT).set_f(2);
  EXPECT_THAT(runCounting(import(model)),
              Pointwise(FloatNear(1e-5f), std::vector<float>{0, 0.8807971f, 1.9640276f}));
}

TEST_F(OnnxOperators, ResizeRoundsExtentsInSinglePrecision) {
  OnnxModel model(13);
  model.input("x", {1, 1, 1, 10}).floats("scales", {4}, {1, 1, 1, 0.7f}).output("y");
  model.node("Resize", {"x", "", "scales"}, {"y"});
  EXPECT_EQ(outputShape(import(model)), (Shape{1, 1, 1, 7}));
}

// Softmax over axis 1 of 1x2x2: the older definition normalises all four values together.
TEST_F(OnnxOperators, SoftmaxBeforeSet13CoversAllLaterAxes) {
  for (const int opset : {11, 13}) {
    OnnxModel model(opset);
    model.input("x", {1, 2, 2}).output("y");
    OnnxModel::set(model.node("Softmax", {"x"}, {"y"}), "axis", std::int64_t{1});
    const auto y = runCounting(import(model), 0, 0);
    EXPECT_THAT(y, testing::Each(opset == 11 ? 0.25f : 0.5f));
  }
}

struct GemmCase {
  bool transA, transB, constantB;
  std::vector<std::int64_t> biasDims;
  std::string layers;
};

TEST_F(OnnxOperators, GemmBecomesFullyConnectedWhereItsWeightsAreConstant) {
  const GemmCase cases[] = {{false, true, true, {2}, "FullyConnected"},
                            {false, false, true, {1, 2}, "FullyConnected"},
                            {false, true, true, {1}, "FullyConnected"},
                            {true, true, true, {}, "Transpose FullyConnected"},
                            {false, true, true, {2, 1}, "FullyConnected Add"},
                            {false, true, false, {2}, "Transpose MatMul Affine Add"}};
  for (const auto& c : cases) {
    OnnxModel model(13);
    model.input("a", c.transA ? std::vector<std::int64_t>{3, 2} : std::vector<std::int64_t>{2, 3})
        .output("y");
    // B as [K, N] = {{1, 4}, {2, 5}, {3, 6}}
    const std::vector<std::int64_t> dims =
        c.transB ? std::vector<std::int64_t>{2, 3} : std::vector<std::int64_t>{3, 2};
    if (c.constantB)
      model.floats("b", dims,
                   c.transB ? std::vector<float>{1, 2, 3, 4, 5, 6} : std::vector<float>{1, 4, 2, 5, 3, 6});
    else
      model.input("b", dims);
    const std::int64_t count = elementCount(c.biasDims);
    model.floats("c", c.biasDims, count == 2 ? std::vector<float>{10, 20} : std::vector<float>{10});
    auto& node = model.node("Gemm", {"a", "b", "c"}, {"y"});
    OnnxModel::set(node, "transA", std::int64_t{c.transA});
    OnnxModel::set(node, "transB", std::int64_t{c.transB});
    OnnxModel::attribute(node, "alpha", Attribute::FLOAT).set_f(2);
    OnnxModel::attribute(node, "beta", Attribute::FLOAT).set_f(0.5f);
    const Graph graph = import(model);
    std::string layers;
    for (const auto& layer : graph.layers()) layers += (layers.empty() ? "" : " ") + layer.op;
    EXPECT_EQ(layers, c.layers);
    const float b[3][2] = {{1, 4}, {2, 5}, {3, 6}}, counted[2][3] = {{0, 1, 2}, {3, 4, 5}};
    std::vector<float> expected;
    for (int m = 0; m < 2; ++m)
      for (int n = 0; n < 2; ++n) {
        float sum = 0;
        for (int k = 0; k < 3; ++k) {
          const float a = c.transA ? static_cast<float>(k * 2 + m) : counted[m][k];
          sum += a * (c.constantB ? b[k][n] : counted[n][k]);  // a computed b counts, too, and is transposed
        }
        const bool perRow = c.biasDims.size() == 2 && c.biasDims[0] == 2;
        expected.push_back(2 * sum + 0.5f * (count == 1 ? 10.0f : (perRow ? m : n) ? 20.0f : 10.0f));
      }
    EXPECT_THAT(runCounting(graph), Pointwise(FloatNear(1e-4f), expected)) << c.layers;
  }
}

// 3 cells, kernel 3, stride 2 give 7; 5 are wanted, so 2 are cut; 9 are wanted, so 2 are added behind.
TEST_F(OnnxOperators, ConvTransposeOutputShapeCutsOrExtends) {
  for (const std::int64_t wanted : {5, 6, 7, 9}) {
    OnnxModel model(11);
    model.input("x", {1, 1, 3}).floats("w", {1, 1, 3}, {1, 10, 100}).output("y");
    auto& node = model.node("ConvTranspose", {"x", "w"}, {"y"});
    OnnxModel::set(node, "strides", std::vector<std::int64_t>{2});
    OnnxModel::set(node, "output_shape", std::vector<std::int64_t>{wanted});
    const std::vector<float> full{0, 0, 1, 10, 102, 20, 200, 0, 0};
    const std::ptrdiff_t cut = std::max<std::ptrdiff_t>(7 - wanted, 0), front = cut - cut / 2;
    EXPECT_THAT(runCounting(import(model)),
                testing::ElementsAreArray(full.begin() + front, full.begin() + front + wanted))
        << wanted;
  }
}

TEST_F(OnnxOperators, BytesWrapAsTheyDoInTheFormat) {
  OnnxModel model(14);
  model.input("x", {3}, Tensor::UINT8).output("y");
  auto& w = model.initializer("w", Tensor::UINT8, {3});
  for (int value : {255, 255, 100}) w.add_int32_data(value);
  model.node("Add", {"x", "w"}, {"y"});
  EXPECT_THAT(runCounting(import(model)), ElementsAre(255, 0, 102));
}

TEST_F(OnnxOperators, CastToHalfRounds) {
  OnnxModel model(13);
  model.input("x", {2}).output("y");
  OnnxModel::set(model.node("Cast", {"x"}, {"y"}), "to", std::int64_t{Tensor::FLOAT16});
  const Graph graph = import(model);
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).type, DataType::Float32);
  EXPECT_EQ(runCounting(graph, 0, 2049.0f)[1], 2048.0f);
}

TEST_F(OnnxOperators, QuantizedPairsBecomeLayersAndWeightsStayCoded) {
  OnnxModel model(13);
  model.input("x", {1, 2, 2, 2}).output("y");
  model.floats("s", {}, {0.5f}).floats("ws", {1}, {2});
  model.initializer("z", Tensor::INT8, {}).add_int32_data(0);
  auto& w = model.initializer("w", Tensor::INT8, {1, 2, 1, 1});
  w.add_int32_data(1);
  w.add_int32_data(-1);
  model.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  model.node("DequantizeLinear", {"q", "s", "z"}, {"d"});
  OnnxModel::set(model.node("DequantizeLinear", {"w", "ws"}, {"wf"}), "axis", std::int64_t{0});
  model.node("Conv", {"d", "wf"}, {"y"});
  const Graph graph = import(model);
  std::string layers;
  for (const auto& layer : graph.layers()) layers += layer.op + " ";
  EXPECT_EQ(layers, "Quantize Dequantize Dequantize Convolution ");
  EXPECT_THAT(runCounting(graph), testing::Each(-8.0f)) << "2 * (x[0] - x[1]), which lie 4 apart";
}

TEST_F(OnnxOperators, EinsumOfThreeOperands) {
  OnnxModel model(12);
  model.input("x", {2, 3}).floats("b", {3, 2}, {1, 0, 0, 1, 1, 1}).floats("c", {2}, {1, 10}).output("y");
  auto& node = model.node("Einsum", {"x", "b", "c"}, {"y"});
  OnnxModel::attribute(node, "equation", Attribute::STRING).set_s("ij, jk, k -> i");
  // x * b = {{2, 3}, {8, 9}}
  EXPECT_THAT(runCounting(import(model)), Pointwise(FloatNear(1e-4f), std::vector<float>{32, 98}));
}

}  // namespace
}  // namespace tessera
