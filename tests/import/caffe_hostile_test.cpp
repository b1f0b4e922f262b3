// Damaged and hostile Caffe files: each ends in one error that names file and layer.
#include <regex>

#include "importers/caffe/layers.hpp"
#include "tests/import/caffe_case.hpp"

namespace tessera {
namespace {

using namespace test;
using testing::HasSubstr;

std::string nested(const std::string& open, const std::string& close, int levels) {
  std::string text = "input: \"data\" input_shape { dim: 1 } ";
  for (int i = 0; i < levels; ++i) text += open;
  for (int i = 0; i < levels; ++i) text += close;
  return text + "layer { name: \"r\" type: \"ReLU\" bottom: \"data\" top: \"out\" }";
}

TEST(CaffeHostile, DeepNestingIsRefusedNotFollowed) {
  const std::pair<const char*, const char*> brackets[] = {
      {"a {", "}"}, {"a <", ">"}, {"layer {", "}"}, {"a { b: [ {", "} ] }"}};
  for (const auto& [open, close] : brackets) {
    CaffeCase net(nested(open, close, 15000));
    EXPECT_THAT(failure(net), HasSubstr("net.prototxt:1:")) << open;
    EXPECT_THAT(failure(net), HasSubstr("deep")) << open;
  }
  CaffeCase shallow(nested("a {", "}", 60));
  EXPECT_EQ(shallow.import().layers().size(), 1u);
  CaffeCase text("# { { {\n" + nested("a: '{{{{' # {\n a: ", "", 0) + "x: '" + std::string(500, '{') +
                 "' # " + std::string(500, '<') + "\n");
  EXPECT_EQ(text.import().layers().size(), 1u);  // braces in comments and strings do not count
}

TEST(CaffeHostile, InputsOfImpossibleSizeAreNamedWithTheirFile) {
  CaffeCase net(oneLayer({9000000000000000000, 9000000000000000000}, "ReLU"));
  EXPECT_THAT(failure(net), HasSubstr("net.prototxt: input 'data': shape 9000000000000000000x"));
}

TEST(CaffeHostile, ElementCountsThatOverflowAreNoEmptyBlobs) {
  for (const char* transposed : {"false", "true"}) {
    CaffeCase net(
        oneLayer({1, 8589934592}, "InnerProduct",
                 std::string("inner_product_param { num_output: 2147483648 bias_term: false transpose: ") +
                     transposed + " }"));
    net.blob("layer", {2147483648, 8589934592}, {});
    EXPECT_THAT(failure(net), HasSubstr("blob 0 of layer 'layer'"));
  }
  CaffeCase four(oneLayer({1, 2}, "Scale"));
  four.blob("layer", {65536, 65536, 65536, 65536}, {});
  EXPECT_THAT(failure(four), HasSubstr("65536x65536x65536x65536"));
  CaffeCase negative(oneLayer({1, 2}, "Scale"));
  negative.blob("layer", {-1, -2}, {1, 2});
  EXPECT_THAT(failure(negative), HasSubstr("negative extent"));
  CaffeCase ragged(oneLayer({1, 2}, "Scale"));
  auto* blob = ragged.blobProto("layer");
  blob->set_raw_data_type(caffe::FLOAT);
  blob->set_raw_data("12345");
  EXPECT_THAT(failure(ragged), HasSubstr("no whole number"));
}

// Type of a layer, and what it says beside.
const std::pair<const char*, const char*> kSenselessParameters[] = {
    {"Convolution", "convolution_param { num_output: 0 kernel_size: 1 }"},
    {"Convolution", "convolution_param { num_output: 2 }"},
    {"Convolution", "convolution_param { num_output: 2 kernel_size: 0 }"},
    {"Convolution", "convolution_param { num_output: 2 kernel_size: 1 stride: 0 }"},
    {"Convolution", "convolution_param { num_output: 2 kernel_size: 1 group: 0 }"},
    {"Convolution", "convolution_param { num_output: 2 kernel_size: 1 dilation: 0 }"},
    {"Convolution", "convolution_param { num_output: 2 kernel_size: 9223372036854775807 }"},
    {"Convolution", "convolution_param { num_output: 2 kernel_size: 1 pad: 18446744073709551615 }"},
    {"Convolution", "convolution_param { num_output: 2 kernel_size: 1 axis: 7 }"},
    {"Convolution", "convolution_param { num_output: 18446744073709551615 kernel_size: 1 }"},
    {"ConvolutionDepthwise", "convolution_param { num_output: 5 kernel_size: 1 }"},
    {"Deconvolution", "convolution_param { num_output: 2 kernel_size: 1 stride: 0 }"},
    {"InnerProduct", "inner_product_param { num_output: 0 }"},
    {"InnerProduct", "inner_product_param { num_output: 2 axis: 4 }"},
    {"Pooling", "pooling_param { }"},
    {"Pooling", "pooling_param { kernel_size: 0 }"},
    {"Pooling", "pooling_param { kernel_size: 2 stride: 0 }"},
    {"Pooling", "pooling_param { kernel_size: 2 pad: 2 }"},
    {"Pooling", "pooling_param { kernel_size: 9223372036854775807 stride: 9223372036854775807 }"},
    {"Pooling", "pooling_param { kernel_size: 2 pad: 18446744073709551615 }"},
    {"LRN", "lrn_param { local_size: 0 }"},
    {"LRN", "lrn_param { local_size: 18446744073709551615 }"},
    {"ArgMax", "argmax_param { top_k: 0 }"},
    {"ArgMax", "argmax_param { top_k: 97 }"},
    {"ArgMax", "argmax_param { axis: 1 top_k: 5 }"},
    {"ArgMax", "argmax_param { axis: -5 }"},
    {"Reduction", "reduction_param { axis: 4 }"},
    {"Softmax", "softmax_param { axis: 9223372036854775807 }"},
    {"Softmax", "softmax_param { axis: -9223372036854775808 }"},
    {"Slice", "slice_param { axis: 4 }"},
    {"Slice", "slice_param { slice_point: 18446744073709551615 }"},
    {"Concat", "concat_param { axis: 4 }"},
    {"Flatten", "flatten_param { axis: 3 end_axis: 1 }"},
    {"Reshape", "reshape_param { shape { dim: -2 dim: -48 } }"},
    {"Reshape", "reshape_param { shape { dim: -1 dim: -1 } }"},
    {"Reshape", "reshape_param { shape { dim: 9223372036854775807 dim: 9223372036854775807 } }"},
    {"Reshape", "reshape_param { shape { dim: 96 } axis: 5 }"},
    {"Reshape", "reshape_param { shape { dim: 96 } axis: 1 num_axes: 9223372036854775807 }"},
    {"Tile", "tile_param { tiles: 0 }"},
    {"Tile", "tile_param { tiles: -3 }"},
    {"Tile", "tile_param { }"},
    {"Tile", "tile_param { tiles: 2 axis: 4 }"},
    {"Tile", "tile_param { tiles: 9223372036854775807 }"},
    {"ShuffleChannel", "shuffle_channel_param { group: 0 }"},
    {"ShuffleChannel", "shuffle_channel_param { group: 3 }"},
    {"Permute", "permute_param { order: 4 }"},
    {"Permute", "permute_param { order: 1 order: 1 }"},
    {"Scale", "scale_param { axis: 4 }"},
    {"Scale", "scale_param { num_axes: -2 }"},
    {"Scale", "scale_param { num_axes: 9223372036854775807 }"},
    {"Bias", "bias_param { axis: -5 }"},
    {"Interp", "interp_param { zoom_factor: 0 }"},
    {"Interp", "interp_param { shrink_factor: -3 }"},
    {"Interp", "interp_param { zoom_factor: -3 }"},
    {"Pooling", "pooling_param { kernel_size: 18446744073709551613 }"},
    {"Convolution", "convolution_param { num_output: 2 kernel_h: 18446744073709551613 kernel_w: 1 }"},
    {"Interp", "interp_param { height: 0 width: 4 }"},
    {"Interp", "interp_param { pad_beg: -2147483648 pad_end: -2147483648 zoom_factor: 1 }"},
    {"Upsample", "upsample_param { scale: 0 }"},
    {"Reorg", "reorg_param { }"},
    {"Reorg", "reorg_param { stride: 0 }"},
    {"Reorg", "reorg_param { stride: 4294967295 }"},
    {"Exp", "exp_param { base: 0 }"},
    {"Log", "log_param { base: 1 }"},
    {"Clip", "clip_param { min: 2 max: 1 }"},
};

TEST(CaffeHostile, NoParameterMayBeZeroOrNegativeOrHuge) {
  for (const auto& [type, body] : kSenselessParameters) {
    CaffeCase net(oneLayer({1, 4, 4, 6}, type, body));
    const std::string message = failure(net);
    EXPECT_THAT(message, HasSubstr("net.prototxt: layer 'layer' (" + std::string(type) + ")")) << body;
    // Numbers come back as they were written, whatever type holds them.
    static const std::regex kLong("[0-9]{10,}");
    for (std::sregex_iterator at(message.begin(), message.end(), kLong), end; at != end; ++at)
      EXPECT_THAT(body, HasSubstr(at->str())) << message;
    if (std::string(body).find(": -3") != std::string::npos) {
      EXPECT_THAT(message, HasSubstr("-3"));
    }
  }
}

TEST(CaffeHostile, NoLayerIsFooledByAnInputOfAnyRank) {
  // Whatever the rank, an import ends with a graph or with an Error; layers of the kinds above read axes.
  for (const auto& row : caffe::allRows()) {
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{1, 4}, Shape{1, 4, 3}, Shape{1, 4, 3, 3, 2}}) {
      std::string text = oneLayer(shape.empty() ? Shape{5} : shape, std::string(row.type));
      if (shape.empty())
        text.insert(text.find("layer"),
                    "layer { name: \"sum\" type: \"Reduction\" bottom: \"data\" top: \"data\" } ");
      for (int extra = 1; extra < row.minBottoms; ++extra)
        text.insert(text.rfind(" top:"), " bottom: \"data\"");
      CaffeCase net(text);
      try {
        net.import();
      } catch (const Error& e) {
        EXPECT_THAT(e.what(), HasSubstr("layer")) << row.type << toString(shape);
      } catch (const std::exception& e) {
        ADD_FAILURE() << row.type << " of " << toString(shape) << ": " << e.what();
      }
    }
  }
}

TEST(CaffeHostile, ScalarsAndTensorsTiledAwayHaveNoMaximum) {
  CaffeCase scalar(
      "input: \"data\" input_shape { dim: 4 } layer { name: \"s\" type: \"Reduction\" bottom: \"data\" top: "
      "\"s\" } "
      "layer { name: \"l\" type: \"ArgMax\" bottom: \"s\" top: \"o\" }");
  EXPECT_THAT(failure(scalar), HasSubstr("layer 'l' (ArgMax): axis 0 does not exist"));
  CaffeCase tiled(
      "input: \"data\" input_shape { dim: 1 dim: 4 } "
      "layer { name: \"t\" type: \"Tile\" bottom: \"data\" top: \"t\" tile_param { axis: 0 tiles: 0 } } "
      "layer { name: \"l\" type: \"ArgMax\" bottom: \"t\" top: \"o\" }");
  EXPECT_THAT(failure(tiled), HasSubstr("layer 't' (Tile): tiles is 0"));
}

TEST(CaffeHostile, ThousandsOfLayersInPlaceTakeNoTimeEach) {
  const int count = 20000;
  std::string own = "input: \"data\" input_shape { dim: 1 dim: 4 }\n", same = own;
  for (int i = 0; i < count; ++i) {
    const std::string rest = "\" type: \"ReLU\" bottom: \"data\" top: \"data\" }\n";
    own += "layer { name: \"r" + std::to_string(i) + rest;
    same += "layer { name: \"r" + rest;
  }
  for (const auto& text : {own, same}) {
    CaffeCase net(text);
    EXPECT_EQ(net.import().layers().size(), static_cast<std::size_t>(count));
  }
}

}  // namespace
}  // namespace tessera
