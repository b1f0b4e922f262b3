// Each Caffe layer type against values worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/import/caffe_case.hpp"

namespace tessera {
namespace {

using namespace test;
using Floats = std::vector<float>;

struct UnaryCase {
  const char* type;
  const char* body;
  double (*function)(double);
};

TEST(CaffeLayer, FunctionsOfOneNumber) {
  const UnaryCase cases[] = {
      {"ReLU", "", [](double x) { return std::max(x, 0.0); }},
      {"ReLU", "relu_param { negative_slope: 0.25 }", [](double x) { return x > 0 ? x : 0.25 * x; }},
      {"ReLU6", "", [](double x) { return std::min(std::max(x, 0.0), 6.0); }},
      {"Clip", "clip_param { min: -0.5 max: 1 }", [](double x) { return std::min(std::max(x, -0.5), 1.0); }},
      {"ELU", "elu_param { alpha: 2 }", [](double x) { return x > 0 ? x : 2 * (std::exp(x) - 1); }},
      {"Sigmoid", "", [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"TanH", "", [](double x) { return std::tanh(x); }},
      {"AbsVal", "", [](double x) { return std::abs(x); }},
      {"BNLL", "", [](double x) { return std::log1p(std::exp(x)); }},
      {"Swish", "", [](double x) { return x / (1 + std::exp(-x)); }},
      {"Swish", "swish_param { beta: 2 }", [](double x) { return x / (1 + std::exp(-2 * x)); }},
      {"Power", "power_param { power: 3 scale: 0.5 shift: 1 }",
       [](double x) { return std::pow(1 + 0.5 * x, 3); }},
      {"Power", "power_param { scale: 2 shift: 1 }", [](double x) { return 1 + 2 * x; }},
      {"Exp", "", [](double x) { return std::exp(x); }},
      {"Exp", "exp_param { base: 2 scale: 3 shift: 1 }", [](double x) { return std::pow(2, 1 + 3 * x); }},
      {"Log", "log_param { scale: 2 shift: 20 }", [](double x) { return std::log(20 + 2 * x); }},
      {"Log", "log_param { base: 10 scale: 2 shift: 20 }", [](double x) { return std::log10(20 + 2 * x); }},
      {"Threshold", "threshold_param { threshold: 0.5 }", [](double x) { return x > 0.5 ? 1.0 : 0.0; }},
      {"Dropout", "dropout_param { dropout_ratio: 0.3 }", [](double x) { return x; }},
  };
  const Floats values = {-7, -2, -0.5f, 0, 0.5f, 2, 6.5f};
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.type) + " " + c.body);
    CaffeCase net(oneLayer({1, 7}, c.type, c.body));
    const auto got = floats(net.run({tensor({1, 7}, values)})[0]);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double wanted = c.function(values[i]);
      EXPECT_NEAR(got[i], wanted, 1e-5 * std::max(1.0, std::abs(wanted))) << values[i];
    }
  }
}

TEST(CaffeLayer, PRelu) {
  CaffeCase own(oneLayer({1, 2, 1, 2}, "PReLU"));
  own.blob("layer", {2}, {0.5f, 0.25f});
  expectValues(own.run({tensor({1, 2, 1, 2}, {-4, 1, -4, 1})})[0], {1, 2, 1, 2}, {-2, 1, -1, 1});
  CaffeCase shared(oneLayer({1, 2, 1, 2}, "PReLU", "prelu_param { channel_shared: true }"));
  shared.blob("layer", {1}, {0.5f});
  expectValues(shared.run({tensor({1, 2, 1, 2}, {-4, 1, -4, 1})})[0], {1, 2, 1, 2}, {-2, 1, -2, 1});
}

TEST(CaffeLayer, ConvolutionWithPairsOfParameters) {
  CaffeCase net(oneLayer({1, 1, 3, 4}, "Convolution",
                         "convolution_param { num_output: 1 kernel_h: 1 kernel_w: 2 stride_h: 2 stride_w: 1 "
                         "pad_h: 0 pad_w: 1 }"));
  net.blob("layer", {1, 1, 1, 2}, {1, 10}).blob("layer", {1}, {0.5f});
  expectValues(net.run({counting({1, 1, 3, 4})})[0], {1, 1, 2, 5},
               {0.5f, 10.5f, 21.5f, 32.5f, 3.5f, 80.5f, 98.5f, 109.5f, 120.5f, 11.5f});
}

TEST(CaffeLayer, ConvolutionWithGroupsAndDilation) {
  CaffeCase net(oneLayer({1, 2, 1, 4}, "Convolution",
                         "convolution_param { num_output: 2 kernel_size: 1 kernel_size: 2 dilation: 1 "
                         "dilation: 2 group: 2 bias_term: false }"));
  net.blob("layer", {2, 1, 1, 2}, {1, 1, 1, -1});
  expectValues(net.run({counting({1, 2, 1, 4})})[0], {1, 2, 1, 2}, {2, 4, -2, -2});
}

TEST(CaffeLayer, Deconvolution) {
  CaffeCase net(oneLayer({1, 1, 2, 2}, "Deconvolution",
                         "convolution_param { num_output: 1 kernel_size: 2 stride: 2 }"));
  net.blob("layer", {1, 1, 2, 2}, {1, 2, 3, 4}).blob("layer", {1}, {1});
  expectValues(net.run({tensor({1, 1, 2, 2}, {1, 0, 0, 2})})[0], {1, 1, 4, 4},
               {2, 3, 1, 1, 4, 5, 1, 1, 1, 1, 3, 5, 1, 1, 7, 9});
}

TEST(CaffeLayer, InnerProductAxisAndTranspose) {
  CaffeCase plain(oneLayer({2, 1, 2, 1}, "InnerProduct", "inner_product_param { num_output: 3 }"));
  plain.blob("layer", {3, 2}, {1, 0, 0, 1, 1, 1}).blob("layer", {3}, {0, 0, 100});
  expectValues(plain.run({tensor({2, 1, 2, 1}, {1, 2, 3, 4})})[0], {2, 3}, {1, 2, 103, 3, 4, 107});

  CaffeCase last(oneLayer({1, 2, 2}, "InnerProduct",
                          "inner_product_param { num_output: 3 axis: -1 transpose: true bias_term: false }"));
  last.blob("layer", {2, 3}, {1, 0, 1, 0, 1, 1});
  expectValues(last.run({tensor({1, 2, 2}, {1, 2, 3, 4})})[0], {1, 2, 3}, {1, 2, 3, 3, 4, 7});
}

TEST(CaffeLayer, BatchNormDividesByItsScaleFactor) {
  CaffeCase net(oneLayer({1, 2, 1, 2}, "BatchNorm", "batch_norm_param { eps: 1 }"));
  net.blob("layer", {2}, {2, 4})
      .blob("layer", {2}, {6, 16})
      .blob("layer", {1}, {2});  // means 1, 2; variances 3, 8
  expectValues(net.run({tensor({1, 2, 1, 2}, {1, 5, 2, 8})})[0], {1, 2, 1, 2}, {0, 2, 0, 2});
  CaffeCase unused(oneLayer({1, 1, 1, 1}, "BatchNorm", "batch_norm_param { eps: 4 }"));
  unused.blob("layer", {1}, {9}).blob("layer", {1}, {9}).blob("layer", {1}, {0});
  expectValues(unused.run({tensor({1, 1, 1, 1}, {3})})[0], {1, 1, 1, 1}, {1.5f});
}

TEST(CaffeLayer, BnOfForks) {
  CaffeCase segnet(oneLayer({1, 2, 1, 1}, "BN", "bn_param { bn_mode: INFERENCE scale_filler { value: 1 } }"));
  segnet.blob("layer", {1, 2, 1, 1}, {2, 3}).blob("layer", {1, 2, 1, 1}, {1, -1});
  expectValues(segnet.run({tensor({1, 2, 1, 1}, {10, 10})})[0], {1, 2, 1, 1}, {21, 29});
  CaffeCase pspnet(oneLayer({1, 1, 1, 1}, "BN", "bn_param { eps: 1 }"));
  for (float value : {2.f, 1.f, 4.f, 8.f}) pspnet.blob("layer", {1, 1, 1, 1}, {value});
  expectValues(pspnet.run({tensor({1, 1, 1, 1}, {10})})[0], {1, 1, 1, 1}, {5});
}

TEST(CaffeLayer, ScaleAndBias) {
  CaffeCase wide(oneLayer({1, 2, 2}, "Scale", "scale_param { axis: 1 num_axes: -1 bias_term: true }"));
  wide.blob("layer", {2, 2}, {1, 2, 3, 4}).blob("layer", {2, 2}, {0, 0, 0, 1});
  expectValues(wide.run({tensor({1, 2, 2}, {1, 1, 1, 1})})[0], {1, 2, 2}, {1, 2, 3, 5});
  CaffeCase bias(oneLayer({1, 2, 2}, "Bias"));
  bias.blob("layer", {2}, {10, 20});
  expectValues(bias.run({tensor({1, 2, 2}, {1, 2, 3, 4})})[0], {1, 2, 2}, {11, 12, 23, 24});
  CaffeCase gate(
      "input: \"x\" input_shape { dim: 1 dim: 2 dim: 2 } input: \"s\" input_shape { dim: 1 dim: 2 }"
      "layer { name: \"g\" type: \"Scale\" bottom: \"x\" bottom: \"s\" top: \"y\" scale_param { axis: 0 } }");
  expectValues(gate.run({tensor({1, 2, 2}, {1, 2, 3, 4}), tensor({1, 2}, {10, 100})})[0], {1, 2, 2},
               {10, 20, 300, 400});
}

TEST(CaffeLayer, PoolingRoundsUpAndCountsPadding) {
  CaffeCase maximum(oneLayer({1, 1, 4, 4}, "Pooling", "pooling_param { kernel_size: 3 stride: 2 }"));
  expectValues(maximum.run({counting({1, 1, 4, 4})})[0], {1, 1, 2, 2}, {10, 11, 14, 15});
  CaffeCase average(
      oneLayer({1, 1, 4, 4}, "Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }"));
  // Extent ceil((4 + 2 - 3) / 2) + 1 = 3. Windows are clipped to input and padding: the last ones are two
  // cells wide.
  expectValues(average.run({counting({1, 1, 4, 4})})[0], {1, 1, 3, 3},
               {10 / 9.f, 24 / 9.f, 10 / 6.f, 51 / 9.f, 90 / 9.f, 33 / 6.f, 25 / 6.f, 42 / 6.f, 15 / 4.f});
  CaffeCase clipped(oneLayer({1, 1, 3, 3}, "Pooling", "pooling_param { kernel_size: 2 stride: 2 pad: 1 }"));
  // ceil((3 + 2 - 2) / 2) + 1 = 3, but the third window would begin at 4 >= 3 + 1: two remain.
  expectValues(clipped.run({counting({1, 1, 3, 3})})[0], {1, 1, 2, 2}, {0, 2, 6, 8});
  CaffeCase floor(
      oneLayer({1, 1, 4, 4}, "Pooling", "pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }"));
  expectValues(floor.run({counting({1, 1, 4, 4})})[0], {1, 1, 1, 1}, {10});
  CaffeCase global(oneLayer({1, 2, 2, 2}, "Pooling", "pooling_param { pool: AVE global_pooling: true }"));
  expectValues(global.run({counting({1, 2, 2, 2})})[0], {1, 2, 1, 1}, {1.5f, 5.5f});
}

TEST(CaffeLayer, UpsampleScattersByThePoolingMask) {
  CaffeCase net(
      "input: \"data\" input_shape { dim: 1 dim: 2 dim: 2 dim: 4 }"
      "layer { name: \"pool\" type: \"Pooling\" bottom: \"data\" top: \"pool\" top: \"mask\" pooling_param { "
      "kernel_size: 2 stride: 2 } }"
      "layer { name: \"double\" type: \"Power\" bottom: \"pool\" top: \"pool\" power_param { scale: 2 } }"
      "layer { name: \"up\" type: \"Upsample\" bottom: \"pool\" bottom: \"mask\" top: \"up\" upsample_param "
      "{ scale: 2 } }");
  expectValues(net.run({tensor({1, 2, 2, 4}, {9, 1, 2, 3, 4, 5, 6, 7, 0, 1, 8, 0, 2, 1, 0, 0})})[0],
               {1, 2, 2, 4}, {18, 0, 0, 0, 0, 0, 0, 14, 0, 0, 16, 0, 4, 0, 0, 0});
  const Graph graph = net.import();
  EXPECT_EQ(graph.outputs().size(), 1u);

  CaffeCase nearest(oneLayer({1, 1, 1, 2}, "Upsample", "upsample_param { scale: 2 }"));
  expectValues(nearest.run({tensor({1, 1, 1, 2}, {3, 4})})[0], {1, 1, 2, 4}, {3, 3, 4, 4, 3, 3, 4, 4});
}

TEST(CaffeLayer, AMaskNobodyReadsIsNoOutput) {
  CaffeCase net(
      "input: \"data\" input_shape { dim: 1 dim: 1 dim: 2 dim: 2 }"
      "layer { name: \"pool\" type: \"Pooling\" bottom: \"data\" top: \"pool\" top: \"mask\" pooling_param { "
      "kernel_size: 2 stride: 2 } }");
  const Graph graph = net.import();
  EXPECT_EQ(graph.outputs().size(), 1u);
  EXPECT_EQ(graph.layers()[0].outputs.size(), 1u);
}

TEST(CaffeLayer, InterpAlignsCorners) {
  CaffeCase zoom(oneLayer({1, 1, 1, 3}, "Interp", "interp_param { zoom_factor: 2 }"));
  expectValues(zoom.run({tensor({1, 1, 1, 3}, {0, 2, 6})})[0], {1, 1, 1, 5}, {0, 1, 2, 4, 6});
  CaffeCase cropped(
      oneLayer({1, 1, 3, 5}, "Interp", "interp_param { pad_beg: -1 pad_end: -1 height: 1 width: 5 }"));
  expectValues(cropped.run({counting({1, 1, 3, 5})})[0], {1, 1, 1, 5}, {6, 6.5f, 7, 7.5f, 8});
  CaffeCase shrink(oneLayer({1, 1, 1, 5}, "Interp", "interp_param { shrink_factor: 2 }"));
  expectValues(shrink.run({counting({1, 1, 1, 5})})[0], {1, 1, 1, 3}, {0, 2, 4});
}

TEST(CaffeLayer, Eltwise) {
  const auto net = [](const std::string& parameters) {
    return "input: \"a\" input_shape { dim: 1 dim: 2 } input: \"b\" input_shape { dim: 1 dim: 2 } input: "
           "\"c\" input_shape { dim: 1 dim: 2 }"
           "layer { name: \"e\" type: \"Eltwise\" bottom: \"a\" bottom: \"b\" bottom: \"c\" top: \"y\" "
           "eltwise_param { " +
           parameters + " } }";
  };
  const std::vector<HostTensor> inputs = {tensor({1, 2}, {1, -1}), tensor({1, 2}, {2, 5}),
                                          tensor({1, 2}, {3, 4})};
  expectValues(CaffeCase(net("")).run(inputs)[0], {1, 2}, {6, 8});
  expectValues(CaffeCase(net("operation: SUM coeff: 1 coeff: -1 coeff: 0.5")).run(inputs)[0], {1, 2},
               {0.5f, -4});
  expectValues(CaffeCase(net("operation: PROD")).run(inputs)[0], {1, 2}, {6, -20});
  expectValues(CaffeCase(net("operation: MAX")).run(inputs)[0], {1, 2}, {3, 5});
}

TEST(CaffeLayer, Axpy) {
  CaffeCase net(
      "input: \"s\" input_shape { dim: 1 dim: 2 dim: 1 dim: 1 } input: \"x\" input_shape { dim: 1 dim: 2 "
      "dim: 1 dim: 2 }"
      "input: \"y\" input_shape { dim: 1 dim: 2 dim: 1 dim: 2 }"
      "layer { name: \"a\" type: \"Axpy\" bottom: \"s\" bottom: \"x\" bottom: \"y\" top: \"z\" }");
  expectValues(net.run({tensor({1, 2, 1, 1}, {2, 3}), tensor({1, 2, 1, 2}, {1, 2, 3, 4}),
                        tensor({1, 2, 1, 2}, {10, 20, 30, 40})})[0],
               {1, 2, 1, 2}, {12, 24, 39, 52});
}

TEST(CaffeLayer, ConcatSliceAndSplit) {
  CaffeCase net(
      "input: \"data\" input_shape { dim: 1 dim: 4 dim: 1 dim: 1 }"
      "layer { name: \"s\" type: \"Slice\" bottom: \"data\" top: \"a\" top: \"b\" top: \"c\" slice_param { "
      "slice_point: 1 slice_point: 3 } }"
      "layer { name: \"p\" type: \"Split\" bottom: \"a\" top: \"a1\" top: \"a2\" }"
      "layer { name: \"k\" type: \"Concat\" bottom: \"c\" bottom: \"a1\" bottom: \"b\" bottom: \"a2\" top: "
      "\"y\" }");
  expectValues(net.run({counting({1, 4, 1, 1})})[0], {1, 5, 1, 1}, {3, 0, 1, 2, 0});
  CaffeCase even(
      "input: \"data\" input_shape { dim: 2 dim: 4 }"
      "layer { name: \"s\" type: \"Slice\" bottom: \"data\" top: \"a\" top: \"b\" slice_param { axis: 0 } }"
      "layer { name: \"k\" type: \"Concat\" bottom: \"b\" bottom: \"a\" top: \"y\" concat_param { "
      "concat_dim: 0 } }");
  expectValues(even.run({counting({2, 4})})[0], {2, 4}, {4, 5, 6, 7, 0, 1, 2, 3});
}

TEST(CaffeLayer, Crop) {
  CaffeCase net(
      "input: \"x\" input_shape { dim: 1 dim: 1 dim: 3 dim: 4 } input: \"r\" input_shape { dim: 1 dim: 5 "
      "dim: 2 dim: 2 }"
      "layer { name: \"c\" type: \"Crop\" bottom: \"x\" bottom: \"r\" top: \"y\" crop_param { axis: 2 "
      "offset: 1 offset: 2 } }");
  expectValues(net.run({counting({1, 1, 3, 4}), counting({1, 5, 2, 2})})[0], {1, 1, 2, 2}, {6, 7, 10, 11});
}

TEST(CaffeLayer, ReshapeFlattenPermute) {
  const struct {
    const char *type, *body;
    Shape shape;
  } cases[] = {
      {"Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 4 } }", {2, 3, 4}},
      {"Reshape", "reshape_param { shape { dim: 6 } axis: 1 num_axes: 2 }", {2, 6, 2}},
      {"Reshape", "reshape_param { shape { dim: 1 } axis: -1 num_axes: 0 }", {2, 3, 2, 2, 1}},
      {"Flatten", "", {2, 12}},
      {"Flatten", "flatten_param { axis: 0 end_axis: -2 }", {12, 2}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    CaffeCase net(oneLayer({2, 3, 2, 2}, c.type, c.body));
    expectValues(net.run({counting({2, 3, 2, 2})})[0], c.shape, floats(counting({2, 3, 2, 2})));
  }
  CaffeCase permute(oneLayer({1, 2, 1, 3}, "Permute", "permute_param { order: 0 order: 3 }"));
  expectValues(permute.run({counting({1, 2, 1, 3})})[0], {1, 3, 2, 1}, {0, 3, 1, 4, 2, 5});
}

TEST(CaffeLayer, TileAndShuffle) {
  CaffeCase tile(oneLayer({1, 2}, "Tile", "tile_param { axis: 1 tiles: 2 }"));
  expectValues(tile.run({tensor({1, 2}, {1, 2})})[0], {1, 4}, {1, 2, 1, 2});
  CaffeCase shuffle(oneLayer({1, 6, 1, 1}, "ShuffleChannel", "shuffle_channel_param { group: 2 }"));
  expectValues(shuffle.run({counting({1, 6, 1, 1})})[0], {1, 6, 1, 1}, {0, 3, 1, 4, 2, 5});
}

TEST(CaffeLayer, SoftmaxAlongItsAxis) {
  CaffeCase net(oneLayer({1, 2, 1, 2}, "Softmax"));
  const float e = static_cast<float>(std::exp(1.0));
  expectValues(net.run({tensor({1, 2, 1, 2}, {0, 0, 0, 1})})[0], {1, 2, 1, 2},
               {0.5f, 1 / (1 + e), 0.5f, e / (1 + e)});
}

TEST(CaffeLayer, SoftmaxWithLossGivesItsProbabilities) {
  CaffeCase net(
      "input: \"data\" input_shape { dim: 1 dim: 2 }"
      "layer { name: \"l\" type: \"SoftmaxWithLoss\" bottom: \"data\" bottom: \"label\" top: \"loss\" top: "
      "\"prob\" }");
  const Graph graph = net.import();
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "prob");
  expectValues(net.run({tensor({1, 2}, {3, 3})})[0], {1, 2}, {0.5f, 0.5f});
}

TEST(CaffeLayer, LrnAcrossAndWithin) {
  CaffeCase across(oneLayer({1, 3, 1, 1}, "LRN", "lrn_param { local_size: 3 alpha: 3 beta: 1 k: 2 }"));
  expectValues(across.run({tensor({1, 3, 1, 1}, {1, 2, 3})})[0], {1, 3, 1, 1}, {1 / 7.f, 2 / 16.f, 3 / 15.f});
  CaffeCase within(oneLayer({1, 1, 1, 3}, "LRN",
                            "lrn_param { local_size: 3 alpha: 9 beta: 1 k: 5 norm_region: WITHIN_CHANNEL }"));
  expectValues(within.run({tensor({1, 1, 1, 3}, {1, 2, 3})})[0], {1, 1, 1, 3}, {1 / 6.f, 2 / 15.f, 3 / 14.f});
}

TEST(CaffeLayer, MvnAndNormalize) {
  CaffeCase mvn(oneLayer({1, 2, 1, 2}, "MVN", "mvn_param { eps: 1 }"));
  expectValues(mvn.run({tensor({1, 2, 1, 2}, {0, 4, 1, 3})})[0], {1, 2, 1, 2},
               {-2 / 3.f, 2 / 3.f, -0.5f, 0.5f});
  CaffeCase mean(
      oneLayer({1, 2, 1, 2}, "MVN", "mvn_param { normalize_variance: false across_channels: true }"));
  expectValues(mean.run({tensor({1, 2, 1, 2}, {0, 4, 1, 3})})[0], {1, 2, 1, 2}, {-2, 2, -1, 1});
  CaffeCase norm(
      oneLayer({1, 2, 1, 2}, "Normalize", "norm_param { across_spatial: false channel_shared: false }"));
  norm.blob("layer", {2}, {10, 20});
  expectValues(norm.run({tensor({1, 2, 1, 2}, {3, 0, 4, 2})})[0], {1, 2, 1, 2}, {6, 0, 16, 20});
  CaffeCase whole(
      oneLayer({1, 2, 1, 2}, "Normalize", "norm_param { across_spatial: true channel_shared: true }"));
  whole.blob("layer", {1}, {10});
  expectValues(whole.run({tensor({1, 2, 1, 2}, {1, 1, 1, 1})})[0], {1, 2, 1, 2}, {5, 5, 5, 5});
}

TEST(CaffeLayer, Reduction) {
  CaffeCase sum(oneLayer({2, 3}, "Reduction", "reduction_param { operation: ASUM axis: 1 coeff: 0.5 }"));
  expectValues(sum.run({tensor({2, 3}, {1, -2, 3, 4, 5, -6})})[0], {2}, {3, 7.5f});
}

}  // namespace
}  // namespace tessera
