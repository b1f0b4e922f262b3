// The blobs of a caffemodel: number formats, legacy shapes, and what is wrong with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/import/caffe_case.hpp"

namespace tessera {
namespace {

using namespace test;
using testing::HasSubstr;

const char* kScale = "scale_param { bias_term: true }";

std::vector<float> scaled(CaffeCase& net) {
  return floats(net.run({HostTensor::of<float>({1, 2}, {1, 2})})[0]);
}

/// What importing the files that are there says.
std::string fileFailure(CaffeCase& net) {
  try {
    importCaffe(net.prototxt(), net.caffemodel());
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::BadModel) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "the import succeeded";
  return {};
}

TEST(CaffeWeights, EveryNumberFormat) {
  const std::vector<float> wanted = {3 * 1 + 0.5f, -2 * 2 + 0.25f};
  CaffeCase single(oneLayer({1, 2}, "Scale", kScale));
  single.blob("layer", {2}, {3, -2}).blob("layer", {2}, {0.5f, 0.25f});
  EXPECT_EQ(scaled(single), wanted);

  CaffeCase wide(oneLayer({1, 2}, "Scale", kScale)), half(oneLayer({1, 2}, "Scale", kScale)),
      raw(oneLayer({1, 2}, "Scale", kScale)), rawWide(oneLayer({1, 2}, "Scale", kScale));
  for (const auto& values : {std::vector<double>{3, -2}, std::vector<double>{0.5, 0.25}}) {
    auto* blob = wide.blobProto("layer");
    blob->mutable_shape()->add_dim(2);
    for (double v : values) blob->add_double_data(v);

    const auto rawBlob = [&](CaffeCase& net, caffe::RawType type, const auto& elements) {
      auto* proto = net.blobProto("layer");
      proto->mutable_shape()->add_dim(2);
      proto->set_raw_data_type(type);
      proto->set_raw_data(elements.data(), elements.size() * sizeof(elements[0]));
    };
    std::vector<Half> halves;
    for (double v : values) halves.push_back(Half::fromFloat(static_cast<float>(v)));
    rawBlob(half, caffe::FLOAT16, halves);
    rawBlob(raw, caffe::FLOAT, std::vector<float>(values.begin(), values.end()));
    rawBlob(rawWide, caffe::DOUBLE, values);
  }
  EXPECT_EQ(scaled(wide), wanted);
  EXPECT_EQ(scaled(half), wanted);
  EXPECT_EQ(scaled(raw), wanted);
  EXPECT_EQ(scaled(rawWide), wanted);
}

TEST(CaffeWeights, V1NetworkWithLegacyShapes) {
  CaffeCase net(
      "input: \"data\" input_dim: 1 input_dim: 1 input_dim: 2 input_dim: 2\n"
      "layers { name: \"conv\" type: CONVOLUTION bottom: \"data\" top: \"conv\" blobs_lr: 1 weight_decay: 1 "
      "convolution_param { num_output: 1 kernel_size: 2 } }\n"
      "layers { name: \"relu\" type: RELU bottom: \"conv\" top: \"conv\" }\n"
      "layers { name: \"ip\" type: INNER_PRODUCT bottom: \"conv\" top: \"ip\" inner_product_param { "
      "num_output: 2 } }\n"
      "layers { name: \"loss\" type: SOFTMAX_LOSS bottom: \"ip\" bottom: \"label\" }\n");
  const auto add = [&](const std::string& name, std::vector<std::pair<Shape, std::vector<float>>> blobs) {
    auto* layer = net.weights.add_layers();
    layer->set_name(name);
    for (const auto& [shape, values] : blobs) {
      auto* blob = layer->add_blobs();
      blob->set_num(shape[0]);
      blob->set_channels(shape[1]);
      blob->set_height(shape[2]);
      blob->set_width(shape[3]);
      for (float v : values) blob->add_data(v);
    }
  };
  add("conv", {{{1, 1, 2, 2}, {1, 2, 3, 4}}, {{1, 1, 1, 1}, {-10}}});
  add("ip", {{{1, 1, 2, 1}, {2, -1}}, {{1, 1, 1, 2}, {0, 5}}});
  const auto y = net.run({HostTensor::of<float>({1, 1, 2, 2}, {1, 2, 3, 4})})[0];  // 1+4+9+16-10 = 20
  EXPECT_EQ(y.shape, (Shape{1, 2}));
  EXPECT_EQ(floats(y), (std::vector<float>{40, -15}));
}

TEST(CaffeWeights, MissingBlobsAreNamed) {
  CaffeCase none(oneLayer({1, 2}, "Scale"));
  none.write();
  EXPECT_THAT(
      fileFailure(none),
      HasSubstr("layer 'layer' (Scale): the caffemodel has 0 blobs for it; its scale (blob 0) is missing"));
  CaffeCase one(oneLayer({1, 2}, "Scale", kScale));
  one.blob("layer", {2}, {1, 1}).write();
  EXPECT_THAT(fileFailure(one), HasSubstr("its bias (blob 1) is missing"));
}

TEST(CaffeWeights, WrongShapesAreNamed) {
  CaffeCase net(oneLayer({1, 2, 4, 4}, "Convolution",
                         "convolution_param { num_output: 3 kernel_size: 3 bias_term: false }"));
  net.blob("layer", {3, 1, 3, 3}, std::vector<float>(27, 1)).write();
  EXPECT_THAT(fileFailure(net), HasSubstr("its weights (blob 0) should be 3x2x3x3, but is 3x1x3x3"));
  CaffeCase count(oneLayer({1, 2}, "Scale"));
  count.blob("layer", {2}, {1, 2, 3}).write();
  EXPECT_THAT(fileFailure(count), HasSubstr("blob 0 of layer 'layer' says it is 2, but holds 3 values"));
}

TEST(CaffeWeights, TruncatedFilesAreRefused) {
  CaffeCase net(oneLayer({1, 2}, "Scale"));
  net.blob("layer", {2}, {1, 2}).write();
  const auto size = std::filesystem::file_size(net.caffemodel());
  for (const auto left : {size - 1, size - 5, size / 2}) {
    std::filesystem::resize_file(net.caffemodel(), left);
    EXPECT_THAT(fileFailure(net), HasSubstr("damaged or cut off"));
  }
  std::filesystem::resize_file(net.caffemodel(), 0);
  EXPECT_THAT(fileFailure(net), HasSubstr("holds no weights"));
}

}  // namespace
}  // namespace tessera
