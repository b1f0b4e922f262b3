// Inputs of Caffe networks whose shapes are open, and names that are not UTF-8.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tessera/log.hpp"
#include "tests/import/caffe_case.hpp"

namespace tessera {
namespace {

using test::CaffeCase;
using testing::AllOf;
using testing::HasSubstr;

std::string relu(const std::string& shape) {
  return "layer { name: \"data\" type: \"Input\" top: \"data\" " + shape +
         " }\nlayer { name: \"r\" type: \"ReLU\" bottom: \"data\" top: \"r\" }\n";
}
constexpr const char* kOpen = "input_param { shape { dim: 1 dim: 3 dim: -1 dim: -1 } }";

TEST(CaffeInputs, OpenExtentsTakeTheShapeGiven) {
  for (const char* name : {"data", "*"}) {
    ImportOptions options;
    options.inputShapes[name] = {1, 3, 8, 9};
    for (const char* shape : {kOpen, ""})
      EXPECT_EQ(CaffeCase(relu(shape)).import(options).tensor(0).shape, (Shape{1, 3, 8, 9})) << name << shape;
  }
  ImportOptions asked;
  asked.openShape = [](const std::string&,
                       const std::vector<std::int64_t>& declared) -> std::optional<Shape> {
    EXPECT_EQ(declared, (std::vector<std::int64_t>{1, 3, -1, -1}));
    return Shape{1, 3, 5, 6};
  };
  EXPECT_EQ(CaffeCase(relu(kOpen)).import(asked).tensor(0).shape, (Shape{1, 3, 5, 6}));
}

TEST(CaffeInputs, ExtentsLeftOpenPrintTheOptionThatClosesThem) {
  for (const char* shape : {kOpen, ""}) {
    try {
      CaffeCase(relu(shape)).import();
      ADD_FAILURE() << "no error";
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), AllOf(HasSubstr("net.prototxt"), HasSubstr("--shape data=1x3x480x640")));
    }
  }
}

TEST(CaffeInputs, NumbersFreezeThem) {
  ImportOptions options;
  options.constantNumbers["scale"] = "2";
  CaffeCase net(
      "input: \"x\" input_shape { dim: 1 dim: 2 } input: \"scale\" input_shape { dim: 1 dim: 2 }\n"
      "layer { name: \"p\" type: \"Eltwise\" bottom: \"x\" bottom: \"scale\" top: \"p\" "
      "eltwise_param { operation: PROD } }");
  const Graph graph = net.import(options);
  ASSERT_EQ(graph.inputs().size(), 1u);
  const auto results = evaluate(graph, {{"x", HostTensor::of<float>({1, 2}, {3, 4})}});
  EXPECT_EQ(results.at(0).number(1), 8);
}

TEST(CaffeInputs, NamesThatAreNotUtf8AreEscaped) {
  setLogger(nullptr);
  CaffeCase net(
      "layer { name: \"data\" type: \"Input\" top: \"d\\377\" input_param { shape { dim: 1 dim: 2 } } }\n"
      "layer { name: \"fc\\351\" type: \"InnerProduct\" bottom: \"d\\377\" top: \"y\" "
      "inner_product_param { num_output: 1 bias_term: false } }");
  net.blob("fc\xe9", {1, 2}, {1, 2});
  const Graph graph = net.import();
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).name, "d\\xff");
  EXPECT_EQ(graph.layers()[0].name, "fc\\xe9");
}

}  // namespace
}  // namespace tessera
