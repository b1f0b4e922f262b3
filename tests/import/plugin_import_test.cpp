// Layers of Caffe and TensorFlow that plugins compute; of ONNX: tests/ops/plugin_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/manifest_plugin.hpp"
#include "tests/import/caffe_case.hpp"
#include "tests/import/onnx_model.hpp"
#include "tests/import/tensorflow_model.hpp"
#include "tests/import/tflite_model.hpp"
#include "tests/import/uff_model.hpp"
#include "tests/support/plugins.hpp"
#include "tests/support/refusal.hpp"

namespace tessera {
namespace {

using test::CaffeCase;
using testing::HasSubstr;

std::string network(const std::string& type, const std::string& parameters) {
  return "name: 'n' input: 'x' input_dim: 2 input_dim: 4 input_dim: 1 input_dim: 1\n"
         "layer { name: 'flat' type: 'Flatten' bottom: 'x' top: 'f' }\n"
         "layer { name: 'second' type: '" +
         type + "' bottom: 'f' top: 'y'\n  " + parameters + " }\n";
}

const Layer& layerOf(const Graph& graph) { return graph.layers().back(); }

void add(const std::string& name) {
  addPlugin(ManifestPlugin::make(test::everySecond(name), test::everySecondKernel(), "a test"));
}

TEST(CaffePlugin, TakesItsParametersByName) {
  add("SecondOfCaffe");
  const Graph graph =
      CaffeCase(network("SecondOfCaffe", "second_of_caffe_param { scale: 0.25 mode: negative begin: 1 }"))
          .import();
  EXPECT_EQ(layerOf(graph).op, "SecondOfCaffe");
  EXPECT_EQ(layerOf(graph).name, "second");
  EXPECT_EQ(layerOf(graph).attrs,
            (Attributes{{"scale", 0.25}, {"mode", "negative"}, {"begin", std::vector<std::int64_t>{1}}}));
  const Graph plain = CaffeCase(network("SecondOfCaffe", "")).import();
  EXPECT_TRUE(layerOf(plain).attrs.empty());
}

TEST(CaffePlugin, TakesTrainedBlobsBehindTheBottoms) {
  add("SecondOfBlobs");
  CaffeCase net(network("SecondOfBlobs", ""));
  net.blob("second", {2}, {5, 6});
  const Graph graph = net.import();
  ASSERT_EQ(layerOf(graph).inputs.size(), 2u);
  const auto& shift = graph.tensor(layerOf(graph).inputs[1]);
  ASSERT_TRUE(shift.isConstant());
  EXPECT_EQ(*shift.constant, HostTensor::of<float>({2}, {5, 6}));
}

TEST(CaffePlugin, ParametersThatItDoesNotKnowAreErrors) {
  add("SecondOfWords");
  const auto why = [](const std::string& parameters) {
    return test::refusal([&] { CaffeCase(network("SecondOfWords", parameters)).import(); },
                         ErrorCode::BadModel);
  };
  EXPECT_THAT(why("second_of_words_param { scael: 2 }"), HasSubstr("net.prototxt:4:"));
  EXPECT_THAT(why("second_of_words_param { scael: 2 }"), HasSubstr("scael"));
  EXPECT_THAT(why("second_of_words_param { mode: sideways }"), HasSubstr("sideways"));
  EXPECT_THAT(why("second_of_words_param { scale: 'two' }"), HasSubstr("net.prototxt:4:"));
}

TEST(CaffePlugin, LayersThatDoNotSuitAreListed) {
  add("SecondOfOdds");
  CaffeCase net(
      "name: 'n' input: 'x' input_dim: 2 input_dim: 4 input_dim: 2 input_dim: 1\n"
      "layer { name: 'second' type: 'SecondOfOdds' bottom: 'x' top: 'y' }\n"
      "layer { name: 'other' type: 'NobodyKnows' bottom: 'x' top: 'z' }\n");
  const auto why = test::refusal([&] { net.import(); }, ErrorCode::Unsupported);
  EXPECT_THAT(why, HasSubstr("plugin SecondOfOdds does not take it"));
  EXPECT_THAT(why, HasSubstr("x needs 2 extents"));
  EXPECT_THAT(why, HasSubstr("a plugin can provide it"));
}

TEST(TensorflowPlugin, TakesAttributesButTypes) {
  add("SecondOfTensorflow");
  const test::ScratchFolder folder;
  test::TensorflowModel model;
  model.input("x", {2, 4});
  auto& node = model.node("SecondOfTensorflow", "y", {"x"});
  test::TensorflowModel::attribute(node, "T").set_type(tessera_tensorflow::DT_FLOAT);
  test::TensorflowModel::attribute(node, "scale").set_f(0.25f);
  const auto import = [&] { return importModel(folder.write("graph.pb", model.bytes()).string()); };
  const Graph graph = import();
  EXPECT_EQ(layerOf(graph).op, "SecondOfTensorflow");
  EXPECT_EQ(layerOf(graph).attrs, (Attributes{{"scale", 0.25}}));
  EXPECT_EQ(evaluate(graph, {{"x", HostTensor::of<float>({2, 4}, {4, 5, 6, 7, 8, 9, 10, 11})}}).at(0),
            HostTensor::of<float>({2, 2}, {1, 1.5f, 2, 2.5f}));
  test::TensorflowModel::attribute(node, "strides").set_i(2);
  EXPECT_THAT(test::refusal(import, ErrorCode::Unsupported),
              HasSubstr("plugin SecondOfTensorflow has no attribute 'strides'"));
}

// A custom layer of UFF is called `_Name`; its converter marks the type of a field in its name.
TEST(UffPlugin, TakesFields) {
  add("SecondOfUff");
  const test::ScratchFolder folder;
  test::UffModel model;
  model.input("x", {2, 4});
  auto& node = model.node("_SecondOfUff", "y", {"x"});
  test::UffModel::field(node, "scale_u_float").set_d(0.25);
  test::UffModel::field(node, "dtype").set_dtype(131104);
  model.node("MarkOutput", "out", {"y"});
  const auto import = [&] {
    return importModel(folder.write("net.uff", model.meta.SerializeAsString()).string());
  };
  const Graph graph = import();
  EXPECT_EQ(layerOf(graph).op, "SecondOfUff");
  EXPECT_EQ(layerOf(graph).attrs, (Attributes{{"scale", 0.25}}));
  EXPECT_EQ(evaluate(graph, {{"x", HostTensor::of<float>({2, 4}, {4, 5, 6, 7, 8, 9, 10, 11})}}).at(0),
            HostTensor::of<float>({2, 2}, {1, 1.5f, 2, 2.5f}));
  test::UffModel::set(node, "axes_u_ilist", std::vector<int>{1});
  EXPECT_THAT(test::refusal(import, ErrorCode::Unsupported),
              HasSubstr("SecondOfUff has no attribute 'axes'"));
  test::UffModel::field(node, "table").set_blob("bytes");
  EXPECT_THAT(test::refusal(import, ErrorCode::Unsupported), HasSubstr("its field 'table' is nothing that"));
}

TEST(TflitePlugin, TakesOptions) {
  add("SecondOfLite");
  const test::ScratchFolder folder;
  const auto import = [&](const std::vector<std::uint8_t>& options) {
    return importModel(folder.write("net.any", test::customTflite("SecondOfLite", {2, 4}, options)).string());
  };
  flexbuffers::Builder options;
  options.Map([&] {
    options.Double("scale", 0.25);
    options.String("mode", "negative");
    options.Vector("begin", [&] { options.Int(1); });
  });
  options.Finish();
  const Graph graph = import(options.GetBuffer());
  EXPECT_EQ(layerOf(graph).op, "SecondOfLite");
  EXPECT_EQ(layerOf(graph).attrs,
            (Attributes{{"scale", 0.25}, {"mode", "negative"}, {"begin", std::vector<std::int64_t>{1}}}));
  EXPECT_TRUE(layerOf(import({})).attrs.empty());
  EXPECT_THAT(test::refusal(
                  [&] {
                    import({1, 2, 3});
                  },
                  ErrorCode::Unsupported),
              HasSubstr("has no attribute 'custom_options'"));
}

}  // namespace
}  // namespace tessera
