// Caffe's two files: the network's text and its weights.
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include "caffe/caffe.pb.h"
#include "tessera/error.hpp"
#include "tessera/importer.hpp"
#include "tessera/passes.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/import/onnx_model.hpp"

namespace tessera::test {
namespace {

constexpr const char* kNetwork = R"(name: "net"
input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 1 group: 1 bias_term: true } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" batch_norm_param { eps: 1e-5 } }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" relu_param { negative_slope: 0.1 } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "lrn" type: "LRN" bottom: "pool" top: "lrn" lrn_param { local_size: 3 alpha: 1e-4 beta: 0.75 } }
layer { name: "drop" type: "Dropout" bottom: "lrn" top: "lrn" include { phase: TRAIN } }
layer { name: "fc" type: "InnerProduct" bottom: "lrn" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
)";
constexpr const char* kSegmentation = R"(name: "segmentation"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 dim: 6 dim: 6 } } }
layer { name: "split" type: "Slice" bottom: "data" top: "a" top: "b" slice_param { axis: 1 slice_point: 2 } }
layer { name: "up" type: "Deconvolution" bottom: "a" top: "up"
  convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 bias_term: false } }
layer { name: "crop" type: "Crop" bottom: "up" bottom: "b" top: "crop" crop_param { axis: 2 offset: 3 } }
layer { name: "sum" type: "Eltwise" bottom: "crop" bottom: "b" top: "sum" eltwise_param { operation: SUM coeff: 1 coeff: -1 } }
layer { name: "join" type: "Concat" bottom: "sum" bottom: "a" top: "join" concat_param { axis: 1 } }
layer { name: "shape" type: "Reshape" bottom: "join" top: "shape" reshape_param { shape { dim: 0 dim: -1 dim: 6 } } }
layer { name: "tile" type: "Tile" bottom: "shape" top: "tile" tile_param { axis: 1 tiles: 2 } }
layer { name: "power" type: "Power" bottom: "tile" top: "power" power_param { power: 2 scale: 0.5 shift: 1 } }
layer { name: "flat" type: "Flatten" bottom: "power" top: "flat" }
layer { name: "class" type: "ArgMax" bottom: "flat" top: "class" argmax_param { top_k: 1 axis: 1 } }
)";
constexpr const char* kOldFormat =
    R"(name: "old" input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layers { name: "relu" type: RELU bottom: "conv" top: "conv" }
layers { name: "pool" type: POOLING bottom: "conv" top: "pool" pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
)";

void addBlob(caffe::TrainedLayer& layer, const Shape& shape) {
  auto& blob = *layer.add_blobs();
  for (auto extent : shape) blob.mutable_shape()->add_dim(extent);
  for (std::int64_t i = 0; i < elementCount(shape); ++i) blob.add_data(0.25f + static_cast<float>(i % 7));
}

// Weights for all of the networks.
std::string weights() {
  caffe::TrainedNet net;
  const auto layer = [&](const char* name, const std::vector<Shape>& shapes) {
    auto& added = *net.add_layer();
    added.set_name(name);
    for (const auto& shape : shapes) addBlob(added, shape);
  };
  layer("conv", {{4, 3, 3, 3}, {4}});
  layer("bn", {{4}, {4}, {1}});
  layer("scale", {{4}, {4}});
  layer("fc", {{5, 64}, {5}});
  layer("up", {{2, 2, 4, 4}});
  return net.SerializeAsString();
}

// The same with the first layer's in the form that Caffe had before layers were typed by text.
std::string oldWeights() {
  caffe::TrainedNet net;
  net.ParseFromString(weights());
  net.mutable_layer()->DeleteSubrange(0, 1);
  auto& layer = *net.add_layers();
  layer.set_name("conv");
  auto& blob = *layer.add_blobs();
  blob.set_num(4);
  blob.set_channels(3);
  blob.set_height(3);
  blob.set_width(3);
  for (int i = 0; i < 108; ++i) blob.add_data(0.5f);
  auto& raw = *layer.add_blobs();
  raw.mutable_shape()->add_dim(4);
  raw.set_raw_data_type(caffe::FLOAT16);
  raw.set_raw_data(std::string(8, '\x3c'));
  return net.SerializeAsString();
}

void import(const std::string& text, const std::string& trained) {
  static const ScratchFolder folder;
  Graph graph = importCaffe(folder.write("net.prototxt", text), folder.write("net.caffemodel", trained));
  optimize(graph);
}

void readText(std::string_view bytes) { import(std::string(bytes), weights()); }
void readWeightFile(std::string_view bytes) { import(kNetwork, std::string(bytes)); }

std::string mutateText(std::string_view bytes, Random& random) {
  caffe::NetParameter net;
  google::protobuf::TextFormat::Parser parser;
  parser.SetRecursionLimit(100);
  class Silent : public google::protobuf::io::ErrorCollector {
    void AddError(int, int, const std::string&) override {}
  } silent;
  parser.RecordErrorsTo(&silent);
  parser.ParseFromString(std::string(bytes), &net);
  for (std::size_t n = 1 + random.below(3); n > 0; --n) mutateMessage(net, random);
  std::string text;
  google::protobuf::TextFormat::PrintToString(net, &text);
  return text;
}

std::string mutateWeights(std::string_view bytes, Random& random) {
  caffe::TrainedNet net;
  net.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  for (std::size_t n = 1 + random.below(3); n > 0; --n) mutateMessage(net, random);
  return net.SerializePartialAsString();
}

std::vector<std::string> texts() { return {kNetwork, kSegmentation, kOldFormat}; }
std::vector<std::string> trained() { return {weights(), oldWeights()}; }

}  // namespace

std::vector<FuzzTarget> caffeTargets() {
  return {{"prototxt", readText, texts, mutateText}, {"caffemodel", readWeightFile, trained, mutateWeights}};
}

}  // namespace tessera::test
