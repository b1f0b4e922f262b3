// Weights that layers share, depthwise convolutions of forks, windows at the edge, and data layers that give
// a shape.
#include "tests/import/caffe_case.hpp"

namespace tessera {
namespace {

using namespace test;
using testing::HasSubstr;

std::string siamese(const std::string& first, const std::string& second) {
  return "input: \"a\" input_shape { dim: 1 dim: 2 } input: \"b\" input_shape { dim: 1 dim: 2 } "
         "layer { name: \"ia\" type: \"InnerProduct\" bottom: \"a\" top: \"ia\" " +
         first +
         " inner_product_param { num_output: 1 } } "
         "layer { name: \"ib\" type: \"InnerProduct\" bottom: \"b\" top: \"ib\" " +
         second + " inner_product_param { num_output: 1 } }";
}

TEST(CaffeSharing, BlobsOfOneNameAreStoredOnce) {
  const std::string both = "param { name: \"w\" lr_mult: 1 } param { name: \"bias\" }";
  for (const char* owner : {"ia", "ib"}) {
    CaffeCase net(siamese(both, both));
    net.blob(owner, {1, 2}, {10, 1}).blob(owner, {1}, {0.5f});
    const auto y = net.run({tensor({1, 2}, {1, 2}), tensor({1, 2}, {3, 4})});
    expectValues(y[0], {1, 1}, {12.5f});
    expectValues(y[1], {1, 1}, {34.5f});
  }
}

TEST(CaffeSharing, OnlyNamedBlobsAreShared) {
  CaffeCase net(siamese("param { name: \"w\" }", "param { name: \"w\" } param { }"));
  net.blob("ia", {1, 2}, {10, 1}).blob("ia", {1}, {0.5f});
  EXPECT_THAT(failure(net),
              HasSubstr("layer 'ib' (InnerProduct): the caffemodel has 1 blobs for it; its bias"));
  CaffeCase own(siamese("param { name: \"w\" }", "param { name: \"w\" }"));
  own.blob("ia", {1, 2}, {10, 1}).blob("ia", {1}, {0.5f}).blob("ib", {1, 2}, {20, 2}).blob("ib", {1}, {0});
  expectValues(own.run({tensor({1, 2}, {1, 2}), tensor({1, 2}, {3, 4})})[1], {1, 1}, {68});  // its own blobs
}

TEST(CaffeSharing, NamesOfV1Layers) {
  CaffeCase net(
      "input: \"a\" input_dim: 1 input_dim: 2 input_dim: 1 input_dim: 1 "
      "layers { name: \"p\" type: INNER_PRODUCT bottom: \"a\" top: \"p\" param: \"w\" inner_product_param { "
      "num_output: 2 bias_term: false } } "
      "layers { name: \"q\" type: INNER_PRODUCT bottom: \"p\" top: \"q\" param: \"w\" inner_product_param { "
      "num_output: 2 bias_term: false } }");
  net.blob("p", {2, 2}, {0, 1, 1, 1});
  expectValues(net.run({tensor({1, 2, 1, 1}, {1, 2})})[0], {1, 2}, {3, 5});
}

TEST(CaffeSharing, OneConvolutionOfSeveralInputs) {
  CaffeCase net(
      "input: \"a\" input_shape { dim: 1 dim: 1 dim: 1 dim: 2 } input: \"b\" input_shape { dim: 1 dim: 1 "
      "dim: 1 dim: 2 } "
      "layer { name: \"c\" type: \"Convolution\" bottom: \"a\" bottom: \"b\" top: \"x\" top: \"y\" "
      "convolution_param { "
      "num_output: 1 kernel_h: 1 kernel_w: 2 } }");
  net.blob("c", {1, 1, 1, 2}, {1, 10}).blob("c", {1}, {0.5f});
  const auto y = net.run({tensor({1, 1, 1, 2}, {1, 2}), tensor({1, 1, 1, 2}, {3, 4})});
  expectValues(y[0], {1, 1, 1, 1}, {21.5f});
  expectValues(y[1], {1, 1, 1, 1}, {43.5f});
}

TEST(CaffeDepthwise, OneFilterPerChannelWhateverGroupSays) {
  for (const char* type : {"ConvolutionDepthwise", "DepthwiseConvolution"})
    for (const char* group : {"", "group: 2", "group: 1"}) {
      CaffeCase net(oneLayer({1, 2, 1, 2}, type,
                             "convolution_param { num_output: 2 kernel_h: 1 kernel_w: 2 bias_term: false " +
                                 std::string(group) + " }"));
      net.blob("layer", {2, 1, 1, 2}, {1, 10, 1, -1});
      expectValues(net.run({tensor({1, 2, 1, 2}, {1, 2, 3, 5})})[0], {1, 2, 1, 1}, {21, -2});
    }
  CaffeCase wrong(oneLayer({1, 4, 1, 2}, "ConvolutionDepthwise",
                           "convolution_param { num_output: 4 kernel_size: 1 group: 2 }"));
  EXPECT_THAT(failure(wrong), HasSubstr("depthwise convolution of 4 channels has group 2"));
}

TEST(CaffePooling, AWindowLargerThanItsInputIsCut) {
  CaffeCase maximum(oneLayer({1, 1, 2, 2}, "Pooling", "pooling_param { kernel_size: 3 stride: 2 }"));
  expectValues(maximum.run({tensor({1, 1, 2, 2}, {1, 4, 3, 2})})[0], {1, 1, 1, 1}, {4});
  CaffeCase average(
      oneLayer({1, 1, 2, 2}, "Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 }"));
  expectValues(average.run({tensor({1, 1, 2, 2}, {1, 4, 3, 2})})[0], {1, 1, 1, 1}, {2.5f});
  CaffeCase floor(
      oneLayer({1, 1, 2, 2}, "Pooling", "pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }"));
  EXPECT_THAT(failure(floor), HasSubstr("larger than its padded input"));
  CaffeCase far(oneLayer({1, 1, 2, 2}, "Pooling", "pooling_param { kernel_size: 4 stride: 2 }"));
  EXPECT_THAT(failure(far), HasSubstr("larger than its padded input"));
}

TEST(CaffeScale, OneNumberScalesAllWhateverTheAxis) {
  CaffeCase net(
      "input: \"x\" input_shape { dim: 1 dim: 2 } input: \"t\" input_shape { dim: 2 } "
      "layer { name: \"r\" type: \"Reduction\" bottom: \"t\" top: \"s\" } "
      "layer { name: \"g\" type: \"Scale\" bottom: \"x\" bottom: \"s\" top: \"y\" }");
  expectValues(net.run({tensor({1, 2}, {1, 2}), tensor({2}, {1, 2})})[0], {1, 2}, {3, 6});
  CaffeCase learned(oneLayer({1, 2}, "Scale", "scale_param { axis: 1 num_axes: 0 bias_term: true }"));
  learned.blob("layer", {}, {3}).blob("layer", {}, {1});
  expectValues(learned.run({tensor({1, 2}, {1, 2})})[0], {1, 2}, {4, 7});
}

Shape inputShape(const std::string& dataLayer) {
  CaffeCase net(
      "layer { name: \"d\" top: \"data\" top: \"label\" " + dataLayer +
      " } layer { name: \"c\" type: \"Convolution\" bottom: \"data\" top: \"c\" convolution_param { "
      "num_output: 1 kernel_size: 1 group: 1 } }");
  net.blob("c", {1, 3, 1, 1}, {1, 1, 1}).blob("c", {1}, {0});
  const Graph graph = net.import();
  EXPECT_EQ(graph.inputs().size(), 1u);
  return graph.tensor(graph.inputs()[0]).shape;
}

TEST(CaffeData, LayersThatGiveAShapeBecomeInputs) {
  EXPECT_EQ(
      inputShape("type: \"Data\" transform_param { crop_size: 224 mirror: true mean_value: 1 mean_value: 2 "
                 "mean_value: 3 } data_param { source: \"x\" batch_size: 10 backend: LMDB }"),
      (Shape{10, 3, 224, 224}));
  EXPECT_EQ(inputShape("type: \"Data\" transform_param { crop_size: 20 } data_param { batch_size: 1 }"),
            (Shape{1, 3, 20, 20}));  // channels by the weights that read them
  EXPECT_EQ(
      inputShape(
          "type: \"ImageData\" image_data_param { source: \"x\" batch_size: 2 new_height: 6 new_width: 8 }"),
      (Shape{2, 3, 6, 8}));
  EXPECT_EQ(
      inputShape(
          "type: \"DenseImageData\" dense_image_data_param { source: \"x\" new_height: 360 new_width: 480 }"),
      (Shape{1, 3, 360, 480}));
  EXPECT_EQ(inputShape("type: \"WindowData\" window_data_param { batch_size: 4 crop_size: 9 }"),
            (Shape{4, 3, 9, 9}));
  EXPECT_EQ(
      inputShape(
          "type: \"AnnotatedData\" transform_param { resize_param { prob: 1 resize_mode: WARP height: 300 "
          "width: 200 } } data_param { batch_size: 8 }"),
      (Shape{8, 3, 300, 200}));
  EXPECT_EQ(inputShape("type: \"DummyData\" dummy_data_param { shape { dim: 1 dim: 3 dim: 4 dim: 5 } }"),
            (Shape{1, 3, 4, 5}));
}

TEST(CaffeData, LayersThatGiveNoneSayWhatHelps) {
  for (const char* type : {"Python", "HDF5Data", "DenseImageData"}) {
    CaffeCase net("layer { name: \"d\" type: \"" + std::string(type) +
                  "\" top: \"data\" } layer { name: \"r\" type: \"ReLU\" bottom: \"data\" top: \"out\" }");
    const std::string message = failure(net);
    EXPECT_THAT(message, HasSubstr("data layer 'd' (" + std::string(type) + ")"));
    EXPECT_THAT(message, HasSubstr("--shape data="));
  }
}

TEST(CaffeData, MissingShapesAreListedWithUnsupportedLayers) {
  CaffeCase net(
      "layer { name: \"d\" type: \"Python\" top: \"data\" } layer { name: \"x\" type: \"Fancy\" bottom: "
      "\"data\" top: "
      "\"out\" }");
  const std::string message = failure(net, ErrorCode::Unsupported);
  EXPECT_THAT(message, HasSubstr("2 nodes are not supported"));
  EXPECT_THAT(message, HasSubstr("Python 'd'"));
  EXPECT_THAT(message, HasSubstr("Fancy 'x'"));
}

}  // namespace
}  // namespace tessera
