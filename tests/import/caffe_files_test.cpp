// Caffe's files: text, V1 layers, phases, inputs, weights in every number format, and what is wrong with
// them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/import/caffe_case.hpp"

namespace tessera {
namespace {

using test::CaffeCase;
using test::failure;
using test::oneLayer;
using testing::HasSubstr;

std::vector<std::string> operatorsOf(const Graph& graph) {
  std::vector<std::string> names;
  for (const auto& layer : graph.layers()) names.push_back(layer.op);
  return names;
}

TEST(CaffeText, SyntaxErrorsHaveLineAndColumn) {
  CaffeCase net("name: \"x\"\ninput: \"data\"\nlayer { name: \"a\" typ: }\n");
  EXPECT_THAT(failure(net, ErrorCode::BadModel), HasSubstr("net.prototxt:3:24: "));
}

TEST(CaffeText, UnknownFieldsAreIgnored) {
  CaffeCase net(
      "input: \"data\" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4 mystery { deep: 1 }\n"
      "layer { name: \"r\" type: \"ReLU\" bottom: \"data\" top: \"out\" other: 3 param { lr_mult: 1 } }");
  EXPECT_EQ(net.import().tensor(net.import().inputs()[0]).shape, (Shape{1, 2, 3, 4}));
}

TEST(CaffeText, V0NetworksAreRefusedWithAdvice) {
  CaffeCase net(
      "input: \"data\" input_dim: 1 input_dim: 1 input_dim: 2 input_dim: 2\n"
      "layers { layer { name: \"r\" type: \"relu\" } bottom: \"data\" top: \"out\" }");
  EXPECT_THAT(failure(net, ErrorCode::BadModel), HasSubstr("upgrade_net_proto_text"));
}

TEST(CaffeText, MissingFilesAreNamed) {
  EXPECT_THROW(importCaffe("no_such.prototxt", "no_such.caffemodel"), Error);
}

TEST(CaffeInputs, AllFourForms) {
  const std::string relu = "layer { name: \"r\" type: \"ReLU\" bottom: \"data\" top: \"out\" }";
  CaffeCase legacy("input: \"data\" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4 " + relu);
  CaffeCase shaped("input: \"data\" input_shape { dim: 1 dim: 2 dim: 3 dim: 4 } " + relu);
  CaffeCase layer(
      "layer { name: \"data\" type: \"Input\" top: \"data\" input_param { shape { dim: 1 dim: 2 dim: 3 dim: "
      "4 } } } " +
      relu);
  CaffeCase memory(
      "layer { name: \"d\" type: \"MemoryData\" top: \"data\" top: \"label\" memory_data_param { batch_size: "
      "1 "
      "channels: 2 height: 3 width: 4 } } " +
      relu);
  for (auto* net : {&legacy, &shaped, &layer, &memory}) {
    const Graph graph = net->import();
    ASSERT_EQ(graph.inputs().size(), 1u);
    EXPECT_EQ(graph.tensor(graph.inputs()[0]).name, "data");
    EXPECT_EQ(graph.tensor(graph.inputs()[0]).shape, (Shape{1, 2, 3, 4}));
    ASSERT_EQ(graph.outputs().size(), 1u);
    EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "out");
  }
}

TEST(CaffeInputs, OptionsOverrideShapeBatchAndFreeze) {
  CaffeCase net(oneLayer({1, 2, 3, 4}, "ReLU"));
  EXPECT_EQ(net.import({.inputShapes = {{"data", {1, 2, 5, 6}}}}).tensor(0).shape, (Shape{1, 2, 5, 6}));
  EXPECT_EQ(net.import({.batch = 7}).tensor(0).shape, (Shape{7, 2, 3, 4}));
  EXPECT_THAT(failure(net, ErrorCode::InvalidArgument, {.inputShapes = {{"date", {1}}}}),
              HasSubstr("no input 'date'"));
}

TEST(CaffeInputs, DataLayersNeedAShapeOnlyWhereTheyAreRead) {
  const std::string text =
      "layer { name: \"d\" type: \"Data\" top: \"data\" top: \"label\" data_param { source: \"x\" } }"
      "layer { name: \"r\" type: \"ReLU\" bottom: \"data\" top: \"out\" }"
      "layer { name: \"l\" type: \"EuclideanLoss\" bottom: \"out\" bottom: \"label\" top: \"loss\" }";
  CaffeCase net(text);
  EXPECT_THAT(failure(net, ErrorCode::BadModel), HasSubstr("give a shape for the input 'data'"));
  const Graph graph = net.import({.inputShapes = {{"data", {1, 2}}}});
  EXPECT_EQ(operatorsOf(graph), std::vector<std::string>{"Relu"});
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "out");
}

TEST(CaffePhases, RulesSelectLayers) {
  const auto relu = [](const std::string& name, const std::string& rule) {
    return "layer { name: \"" + name + "\" type: \"ReLU\" bottom: \"data\" top: \"" + name + "\" " + rule +
           " }";
  };
  CaffeCase net(
      "input: \"data\" input_shape { dim: 2 } state { stage: \"deploy\" level: 2 }" + relu("always", "") +
      relu("test", "include { phase: TEST }") + relu("train", "include { phase: TRAIN }") +
      relu("not_test", "exclude { phase: TEST }") + relu("not_train", "exclude { phase: TRAIN }") +
      relu("stage", "include { stage: \"deploy\" }") + relu("other_stage", "include { stage: \"val\" }") +
      relu("no_stage", "include { not_stage: \"deploy\" }") +
      relu("level", "include { min_level: 1 max_level: 2 }") + relu("high", "include { min_level: 3 }") +
      relu("either", "include { phase: TRAIN } include { level_x: 1 stage: \"deploy\" }"));
  const Graph graph = net.import();
  std::vector<std::string> kept;
  for (const auto& layer : graph.layers()) kept.push_back(layer.name);
  EXPECT_EQ(kept, (std::vector<std::string>{"always", "test", "not_train", "stage", "level", "either"}));
}

TEST(CaffeLayers, InPlaceLayersChain) {
  CaffeCase net(
      "input: \"data\" input_shape { dim: 1 dim: 3 }"
      "layer { name: \"double\" type: \"Power\" bottom: \"data\" top: \"x\" power_param { scale: 2 } }"
      "layer { name: \"shift\" type: \"Power\" bottom: \"x\" top: \"x\" power_param { shift: -3 } }"
      "layer { name: \"relu\" type: \"ReLU\" bottom: \"x\" top: \"x\" }");
  const Graph graph = net.import();
  ASSERT_EQ(graph.outputs().size(), 1u);
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "x");
  EXPECT_EQ(graph.tensor(graph.layers()[0].outputs[0]).name, "x@double");
  EXPECT_EQ(graph.layers()[2].name, "relu");
  EXPECT_EQ(test::floats(net.run({test::counting({1, 3})})[0]), (std::vector<float>{0, 0, 1}));
}

TEST(CaffeLayers, SilencedBlobsAreNoOutputsAndLossesLeaveTheScores) {
  CaffeCase net(
      "input: \"data\" input_shape { dim: 1 dim: 3 }"
      "layer { name: \"a\" type: \"ReLU\" bottom: \"data\" top: \"a\" }"
      "layer { name: \"b\" type: \"AbsVal\" bottom: \"data\" top: \"b\" }"
      "layer { name: \"s\" type: \"Silence\" bottom: \"b\" }"
      "layer { name: \"acc\" type: \"Accuracy\" bottom: \"a\" bottom: \"label\" top: \"acc\" }"
      "layer { name: \"loss\" type: \"SoftmaxWithLoss\" bottom: \"a\" bottom: \"label\" top: \"loss\" }");
  const Graph graph = net.import();
  ASSERT_EQ(graph.outputs().size(), 1u);
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "a");
}

TEST(CaffeLayers, BlobNobodyProducesIsNamed) {
  CaffeCase net(
      "input: \"data\" input_shape { dim: 1 } layer { name: \"a\" type: \"ReLU\" bottom: \"dota\" top: \"a\" "
      "}");
  EXPECT_THAT(failure(net, ErrorCode::BadModel), HasSubstr("layer 'a' reads the blob 'dota'"));
}

TEST(CaffeLayers, EveryUnsupportedLayerIsListedOnce) {
  CaffeCase net(
      "input: \"data\" input_shape { dim: 1 dim: 4 }"
      "layer { name: \"first\" type: \"Fancy\" bottom: \"data\" top: \"a\" }"
      "layer { name: \"after\" type: \"ReLU\" bottom: \"a\" top: \"b\" }"
      "layer { name: \"second\" type: \"LSTM\" bottom: \"a\" top: \"c\" }");
  const std::string message = failure(net, ErrorCode::Unsupported);
  EXPECT_THAT(message, HasSubstr("2 nodes are not supported"));
  EXPECT_THAT(message, HasSubstr("Fancy 'first' (Caffe) of (f32:1x4): there is no layer type of this name"));
  EXPECT_THAT(message, HasSubstr("LSTM 'second' (Caffe) of (-): there is no layer type of this name"));
  EXPECT_THAT(message, testing::Not(HasSubstr("'after'")));
}

}  // namespace
}  // namespace tessera
