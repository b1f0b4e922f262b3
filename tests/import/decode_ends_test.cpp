// Networks whose inputs and outputs are codes, for those who have numbers.
#include "tests/import/quantized_case.hpp"

namespace tessera {
namespace {

using tessera_onnx::Tensor;
using test::OnnxModel;
using DecodeEnds = test::QuantizedCase;

ImportOptions decodedEnds() {
  ImportOptions options;
  options.decodeEnds = true;
  return options;
}

TEST_F(DecodeEnds, NumbersStandWhereTheModelHasCodes) {
  OnnxModel model(13);
  model.input("x", {4}, Tensor::UINT8).output("y");
  parameters(model, "x", 0.5f, Tensor::UINT8, 10);
  parameters(model, "y", 0.25f, Tensor::UINT8, 3);
  model.node("DequantizeLinear", {"x", "x.s", "x.z"}, {"f"});
  model.node("Relu", {"f"}, {"r"});
  model.node("QuantizeLinear", {"r", "y.s", "y.z"}, {"y"});
  const Graph coded = import(model), graph = import(model, decodedEnds());
  EXPECT_EQ(coded.tensor(coded.inputs()[0]).type, DataType::UInt8);
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).type, DataType::Float32);
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).name, "x");
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "y");
  EXPECT_EQ(run(graph, {{"x", floats({4}, {-1, 2, 3.6f, 1000})}}), (std::vector<float>{0, 2, 3.5f, 63}));
}

TEST_F(DecodeEnds, PixelsWithoutAScaleAreRounded) {
  OnnxModel model(13);
  model.input("x", {3}, Tensor::UINT8).output("y");
  OnnxModel::set(model.node("Cast", {"x"}, {"y"}), "to", std::int64_t{Tensor::FLOAT});
  const Graph graph = import(model, decodedEnds());
  EXPECT_EQ(run(graph, {{"x", floats({3}, {-4, 254.6f, 300})}}), (std::vector<float>{0, 255, 255}));
}

}  // namespace
}  // namespace tessera
