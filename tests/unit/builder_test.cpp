// NetworkBuilder gives the graphs that Graph::add gives, and refuses by name.
#include "tessera/builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.hpp"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

HostTensor floatTensor(const Shape& shape) { return HostTensor(DataType::Float32, shape); }

TEST(NetworkBuilder, MakesWhatGraphAddMakes) {
  NetworkBuilder net("net");
  const TensorId image = net.input("image", {1, 3, 8, 6});
  const TensorId a = net.convolution(image, floatTensor({4, 3, 3, 3}),
                                     {.stride = 2, .pad = 1, .bias = floatTensor({4}), .name = "a"});
  net.output(net.relu(a), "y");

  Graph graph;
  graph.name = "net";
  const TensorId x = graph.addInput("image", DataType::Float32, {1, 3, 8, 6});
  const TensorId w = graph.addConstant("a.weights", floatTensor({4, 3, 3, 3})),
                 b = graph.addConstant("a.bias", floatTensor({4}));
  const std::vector<std::int64_t> two{2, 2}, one{1, 1}, pads{1, 1, 1, 1};
  const TensorId c = graph.add("Convolution", "a", {x, w, b},
                               {{"strides", two}, {"dilations", one}, {"pads", pads}, {"group", 1}});
  graph.markOutput(graph.add("Relu", "Relu1", {c}, {}, {"y"}));
  EXPECT_EQ(net.build().text(), graph.text());
}

TEST(NetworkBuilder, WeightsMayStayWhereTheyLie) {
  std::vector<float> values(4 * 3 * 3 * 3);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const std::span<const float> span(values);
  NetworkBuilder net("net");
  const TensorId image = net.input("image", {1, 3, 8, 6});
  net.output(net.convolution(image, HostTensor::view({4, 3, 3, 3}, span), {.name = "a"}), "y");
  const Graph graph = net.build();
  const HostTensor& weights = *graph.tensor(graph.findTensor("a.weights")).constant;
  EXPECT_EQ(static_cast<const void*>(weights.data.data()), values.data()) << "not copied";
  EXPECT_EQ(weights.number(50), 50);
  HostTensor changed = weights;
  changed.setNumber(50, -1);
  EXPECT_EQ(values[50], 50) << "who writes has a copy";
  EXPECT_EQ(changed.number(50), -1);
  EXPECT_EQ(changed.number(51), 51);
  EXPECT_THAT(test::refusal([&] { HostTensor::view({5, 3, 3, 3}, span); }), HasSubstr("432"));
  const auto odd = std::as_bytes(span).subspan(1, 8);
  EXPECT_THAT(test::refusal([&] { HostTensor::view(DataType::Float32, {2}, odd); }), HasSubstr("multiple"));
}

TEST(NetworkBuilder, EveryFunctionInfersItsShape) {
  NetworkBuilder net("all");
  const TensorId x = net.input("x", {2, 4, 6, 8});
  const auto is = [&](TensorId value, const Shape& expected) {
    EXPECT_EQ(toString(net.shape(value)), toString(expected));
  };
  is(net.convolution(x, floatTensor({6, 4, 3, 3}), {.stride = {2, 1}, .dilation = 1, .pad = {1, 2}}),
     {2, 6, 3, 10});
  is(net.convolution(x, floatTensor({4, 1, 3, 3}), {.pad = {0, 0, 1, 1}, .group = 4}), {2, 4, 5, 7});
  is(net.deconvolution(x, floatTensor({4, 5, 4, 4}), {.stride = 2, .pad = 1, .bias = floatTensor({5})}),
     {2, 5, 12, 16});
  is(net.fullyConnected(x, floatTensor({7, 192}), {.bias = floatTensor({7})}), {2, 7});
  is(net.matMul(x, net.constant(floatTensor({8, 3}))), {2, 4, 6, 3});
  is(net.maxPool(x, 3, {.stride = 2, .ceilMode = true}), {2, 4, 3, 4});
  is(net.averagePool(x, {2, 4}, {.stride = {2, 4}}), {2, 4, 3, 2});
  is(net.globalAveragePool(x), {2, 4, 1, 1});
  is(net.globalMaxPool(x), {2, 4, 1, 1});
  for (const TensorId same :
       {net.batchNorm(x, floatTensor({4}), floatTensor({4}), floatTensor({4}), floatTensor({4})),
        net.instanceNorm(x, floatTensor({4}), floatTensor({4})),
        net.layerNorm(x, floatTensor({8}), floatTensor({8})), net.relu(x), net.leakyRelu(x),
        net.prelu(x, floatTensor({4, 1, 1})), net.sigmoid(x), net.tanh(x), net.silu(x), net.hardSwish(x),
        net.gelu(x), net.clip(x, 0, 6), net.softmax(x), net.logSoftmax(x), net.add(x, x), net.sub(x, x),
        net.mul(x, x), net.div(x, x)})
    is(same, {2, 4, 6, 8});
  is(net.concat({x, x}), {2, 8, 6, 8});
  is(net.reshape(x, {0, -1, 16}), {2, 12, 16});
  is(net.flatten(x), {2, 192});
  is(net.transpose(x, {0, 2, 3, 1}), {2, 6, 8, 4});
  is(net.slice(x, {0, 1, 2, 3}, {2, 2, 2, 2}), {2, 2, 2, 2});
  is(net.pad(x, {1, 2}), {2, 4, 8, 12});
  is(net.resize(x, {12, 4}), {2, 4, 12, 4});
  is(net.reduceMean(x, {2, 3}, false), {2, 4});
  is(net.argMax(x), {2, 1, 6, 8});
  is(net.depthToSpace(x, 2), {2, 1, 12, 16});
}

TEST(NetworkBuilder, SharedAndUntouchedValuesCanBeOutputs) {
  NetworkBuilder net("net");
  const TensorId x = net.input("x", {1, 4}), y = net.relu(x);
  net.output(y, "first");
  net.output(y, "second");
  net.output(x, "third");
  const Graph graph = net.build();
  std::vector<std::string> names;
  for (const TensorId id : graph.outputs()) names.push_back(graph.tensor(id).name);
  EXPECT_THAT(names, ElementsAre("first", "second", "third"));
}

TEST(NetworkBuilder, RefusesByName) {
  NetworkBuilder net("net");
  const TensorId x = net.input("x", {1, 4, 8, 8});
  const auto why = [](const auto& act) { return test::refusal(act); };
  EXPECT_THAT(why([&] {
                net.convolution(x, floatTensor({4, 4, 3, 3}), {.stride = {1, 2, 3}, .name = "stem"});
              }),
              testing::AllOf(HasSubstr("stem"), HasSubstr("stride"), HasSubstr("2 spatial extents")));
  EXPECT_THAT(why([&] {
                net.convolution(x, floatTensor({4, 3, 3, 3}), {.name = "stem"});
              }),
              HasSubstr("stem"));
  EXPECT_THAT(why([&] {
                net.layer("Pool", {x}, {{"stride", 2}});
              }),
              testing::AllOf(HasSubstr("stride"), HasSubstr("strides")));
  EXPECT_THAT(why([&] { net.reshape(x, {3, -1}); }), HasSubstr("1x4x8x8"));
  EXPECT_THAT(why([&] { net.input("x", {1}); }), HasSubstr("'x'"));
  EXPECT_THAT(why([&] { net.build(); }), HasSubstr("no output"));
  net.output(net.relu(x), "y");
  EXPECT_THAT(why([&] { net.output(net.relu(x), "y"); }), HasSubstr("'y'"));
}

}  // namespace
}  // namespace tessera
