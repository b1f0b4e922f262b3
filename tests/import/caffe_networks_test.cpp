// Small networks of the families Tessera is for, as Caffe has them: FCN-8s, SegNet, ResNet. What the passes
// make of them.
#include <gtest/gtest.h>

#include <random>

#include "tests/import/caffe_case.hpp"
#include "tests/passes/pass_case.hpp"

namespace tessera {
namespace {

using namespace test;

/// Writes a prototxt layer by layer, and random weights of the right shapes beside it.
class Prototxt {
 public:
  explicit Prototxt(const Shape& input) : text_("input: \"data\" input_shape {") {
    for (auto extent : input) text_ += " dim: " + std::to_string(extent);
    text_ += " }\n";
  }
  void layer(const std::string& name, const std::string& type, const std::string& bottoms,
             const std::string& tops, const std::string& parameters = {}) {
    text_ += "layer { name: \"" + name + "\" type: \"" + type + "\"" + list("bottom", bottoms) +
             list("top", tops) + " " + parameters + " }\n";
  }
  void blob(const std::string& name, const Shape& shape, float low = -0.4f, float high = 0.4f) {
    blobs_.push_back({name, randomTensor(shape, static_cast<std::uint32_t>(blobs_.size()) + 1, low, high)});
  }
  void convolution(const std::string& name, const std::string& bottom, std::int64_t in, std::int64_t out,
                   int kernel, int pad, bool relu = true, bool bias = true) {
    layer(name, "Convolution", bottom, name,
          "convolution_param { num_output: " + std::to_string(out) +
              " kernel_size: " + std::to_string(kernel) + " pad: " + std::to_string(pad) +
              (bias ? "" : " bias_term: false") + " }");
    blob(name, {out, in, kernel, kernel});
    if (bias) blob(name, {out});
    if (relu) layer(name + "_relu", "ReLU", name, name);
  }
  void batchNorm(const std::string& blobName, std::int64_t channels) {  // as ResNet's Caffe networks have it
    layer(blobName + "_bn", "BatchNorm", blobName, blobName);
    blob(blobName + "_bn", {channels});
    blob(blobName + "_bn", {channels}, 0.5f, 2);
    blob(blobName + "_bn", {1}, 1, 1.5f);
    layer(blobName + "_scale", "Scale", blobName, blobName, "scale_param { bias_term: true }");
    blob(blobName + "_scale", {channels}, 0.5f, 1.5f);
    blob(blobName + "_scale", {channels});
  }
  /// Imports, optimises, checks that both compute the same, and returns the optimised graph.
  Graph optimised() {
    CaffeCase net(text_);
    for (const auto& [name, value] : blobs_) net.blob(name, value.shape, floats(value));
    const Graph graph = net.import();
    Graph lean = graph;
    optimize(lean);
    expectSame(graph, lean, 1e-4);
    return lean;
  }

 private:
  static std::string list(const std::string& field, const std::string& names) {
    std::string text;
    std::istringstream words(names);
    for (std::string name; words >> name;) text += " " + field + ": \"" + name + "\"";
    return text;
  }
  std::string text_;
  std::vector<std::pair<std::string, HostTensor>> blobs_;
};

TEST(CaffeNetwork, Fcn8s) {
  Prototxt net({1, 3, 32, 32});
  const std::string pooling = "pooling_param { kernel_size: 2 stride: 2 }";
  std::string x = "data";
  std::int64_t channels = 3;
  for (int stage = 1; stage <= 5; ++stage) {
    const std::string n = std::to_string(stage);
    net.convolution("conv" + n, x, channels, 4, 3, 1);
    net.layer("pool" + n, "Pooling", "conv" + n, "pool" + n, pooling);
    x = "pool" + n, channels = 4;
  }
  net.convolution("fc6", "pool5", 4, 8, 3, 1);
  net.layer("drop6", "Dropout", "fc6", "fc6");
  net.convolution("fc7", "fc6", 8, 8, 1, 0);
  net.convolution("score", "fc7", 8, 5, 1, 0, false);
  net.convolution("score4", "pool4", 4, 5, 1, 0, false);
  net.convolution("score3", "pool3", 4, 5, 1, 0, false);
  const auto deconvolution = [&](const std::string& name, const std::string& bottom, int kernel, int stride,
                                 int pad) {
    net.layer(name, "Deconvolution", bottom, name,
              "convolution_param { num_output: 5 bias_term: false kernel_size: " + std::to_string(kernel) +
                  " stride: " + std::to_string(stride) + " pad: " + std::to_string(pad) + " }");
    net.blob(name, {5, 5, kernel, kernel});
  };
  deconvolution("up2", "score", 4, 2, 1);
  net.layer("crop4", "Crop", "score4 up2", "score4c", "crop_param { axis: 2 offset: 0 }");
  net.layer("fuse4", "Eltwise", "up2 score4c", "fuse4", "eltwise_param { operation: SUM }");
  deconvolution("up4", "fuse4", 4, 2, 1);
  net.layer("fuse3", "Eltwise", "up4 score3", "fuse3");
  deconvolution("up8", "fuse3", 16, 8, 4);
  const Graph lean = net.optimised();
  // Crops of everything and dropout are gone; sums are residuals of the layer that comes last.
  EXPECT_EQ(
      ops(lean),
      "Convolution Pool Convolution Pool Convolution Pool Convolution Pool Convolution Pool Convolution "
      "Convolution Convolution Convolution Convolution Deconvolution Deconvolution Deconvolution");
  EXPECT_EQ(lean.tensor(lean.outputs()[0]).shape, (Shape{1, 5, 32, 32}));
}

TEST(CaffeNetwork, SegNet) {
  Prototxt net({1, 3, 8, 8});
  const std::string pooling = "pooling_param { kernel_size: 2 stride: 2 }";
  net.convolution("conv1", "data", 3, 4, 3, 1, false);
  net.layer("conv1_bn", "BN", "conv1", "conv1", "bn_param { bn_mode: INFERENCE }");
  net.blob("conv1_bn", {1, 4, 1, 1});
  net.blob("conv1_bn", {1, 4, 1, 1});
  net.layer("relu1", "ReLU", "conv1", "conv1");
  net.layer("pool1", "Pooling", "conv1", "pool1 mask1", pooling);
  net.convolution("conv2", "pool1", 4, 6, 3, 1);
  net.layer("pool2", "Pooling", "conv2", "pool2 mask2", pooling);
  net.layer("up2", "Upsample", "pool2 mask2", "up2", "upsample_param { scale: 2 }");
  net.convolution("dec2", "up2", 6, 4, 3, 1);
  net.layer("up1", "Upsample", "dec2 mask1", "up1", "upsample_param { scale: 2 }");
  net.convolution("dec1", "up1", 4, 3, 3, 1, false);
  net.layer("argmax", "ArgMax", "dec1", "classes", "argmax_param { axis: 1 }");
  EXPECT_EQ(ops(net.optimised()),
            "Convolution Pool Convolution Pool Unpool Convolution Unpool Convolution ArgReduce");
}

TEST(CaffeNetwork, ResNet) {
  Prototxt net({1, 3, 8, 8});
  net.convolution("conv1", "data", 3, 4, 3, 1, false, false);
  net.batchNorm("conv1", 4);
  net.layer("conv1_relu", "ReLU", "conv1", "conv1");
  std::string x = "conv1";
  std::int64_t channels = 4;
  for (const std::string block : {"a", "b"}) {
    std::string shortcut = x;
    if (block == "a") {
      shortcut = "shortcut";
      net.convolution(shortcut, x, channels, 6, 1, 0, false, false);
      net.batchNorm(shortcut, 6);
    }
    net.convolution(block + "1", x, channels, 3, 1, 0, false, false);
    net.batchNorm(block + "1", 3);
    net.layer(block + "1_relu", "ReLU", block + "1", block + "1");
    net.convolution(block + "2", block + "1", 3, 6, 3, 1, false, false);
    net.batchNorm(block + "2", 6);
    net.layer(block, "Eltwise", shortcut + " " + block + "2", block);
    net.layer(block + "_relu", "ReLU", block, block);
    x = block, channels = 6;
  }
  net.layer("pool", "Pooling", x, "pool", "pooling_param { pool: AVE kernel_size: 8 }");
  net.layer("fc", "InnerProduct", "pool", "fc", "inner_product_param { num_output: 10 }");
  net.blob("fc", {10, 6});
  net.blob("fc", {10});
  net.layer("prob", "Softmax", "fc", "prob");
  const Graph lean = net.optimised();
  EXPECT_EQ(
      ops(lean),
      "Convolution Convolution Convolution Convolution Convolution Convolution Pool FullyConnected Softmax");
  for (const auto& layer : lean.layers())
    if (layer.op == "Convolution" && layer.name != "shortcut") {
      EXPECT_EQ(layer.attrs.string("activation"), "Relu") << layer.name;
    }
}

TEST(CaffeNetwork, Ssd) {
  Prototxt net({1, 3, 16, 16});
  std::string priors, locations, scores, x = "data";
  std::int64_t channels = 3;
  for (const std::string n : {"1", "2"}) {
    net.convolution("conv" + n, x, channels, 4, 3, 1);
    net.layer("pool" + n, "Pooling", "conv" + n, "pool" + n, "pooling_param { kernel_size: 2 stride: 2 }");
    x = "pool" + n, channels = 4;
    const auto head = [&](const std::string& name, std::int64_t outputs) {  // 4 boxes a cell
      net.convolution(name, x, 4, outputs, 3, 1, false);
      net.layer(name + "_perm", "Permute", name, name + "_perm",
                "permute_param { order: 0 order: 2 order: 3 order: 1 }");
      net.layer(name + "_flat", "Flatten", name + "_perm", name + "_flat", "flatten_param { axis: 1 }");
      return name + "_flat ";
    };
    locations += head("loc" + n, 16);
    scores += head("conf" + n, 12);
    net.layer(
        "prior" + n, "PriorBox", x + " data", "prior" + n,
        "prior_box_param { min_size: 4 max_size: 7 aspect_ratio: 2 variance: 0.1 variance: 0.1 variance: 0.2 "
        "variance: 0.2 }");
    priors += "prior" + n + " ";
  }
  net.layer("loc", "Concat", locations, "loc", "concat_param { axis: 1 }");
  net.layer("conf", "Concat", scores, "conf", "concat_param { axis: 1 }");
  net.layer("prior", "Concat", priors, "prior", "concat_param { axis: 2 }");
  net.layer("conf_reshape", "Reshape", "conf", "conf_reshape",
            "reshape_param { shape { dim: 0 dim: -1 dim: 3 } }");
  net.layer("conf_softmax", "Softmax", "conf_reshape", "conf_softmax", "softmax_param { axis: 2 }");
  net.layer("conf_flat", "Flatten", "conf_softmax", "conf_flat", "flatten_param { axis: 1 }");
  net.layer("detections", "DetectionOutput", "loc conf_flat prior", "detections",
            "detection_output_param { num_classes: 3 nms_param { nms_threshold: 0.45 top_k: 50 } code_type: "
            "CENTER_SIZE keep_top_k: 10 confidence_threshold: 0.2 }");
  const Graph lean = net.optimised();
  ASSERT_EQ(lean.outputs().size(), 1u);
  EXPECT_EQ(lean.tensor(lean.outputs()[0]).name, "detections");
  EXPECT_EQ(toString(lean.tensor(lean.outputs()[0]).shape), "1x1x10x7");
  const Layer& last = lean.layers().back();
  EXPECT_EQ(last.op, "DetectionOutput");
  EXPECT_TRUE(lean.tensor(last.inputs[2]).isConstant());  // all priors are one constant
  EXPECT_EQ(toString(lean.tensor(last.inputs[2]).shape), "1x2x1280");
}

}  // namespace
}  // namespace tessera
