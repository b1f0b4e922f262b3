// Layers of detection networks against values worked out by hand.
#include "tests/import/caffe_case.hpp"

namespace tessera {
namespace {

using namespace test;
using testing::HasSubstr;

TEST(CaffeReorg, ForwardIsDarknetsAndReverseUndoesIt) {
  // 4 channels of 2 x 2 read as one 4 x 4 image: 0 .. 15 in rows. Its 2 x 2 blocks, taken apart, are 4 images
  // of 2 x 2, which are then called 16 channels of one element.
  const std::vector<float> apart = {0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15};
  CaffeCase forward(oneLayer({1, 4, 2, 2}, "Reorg", "reorg_param { stride: 2 }"));
  expectValues(forward.run({counting({1, 4, 2, 2})})[0], {1, 16, 1, 1}, apart);
  CaffeCase reverse(oneLayer({1, 4, 2, 2}, "Reorg", "reorg_param { stride: 2 reverse: true }"));
  expectValues(reverse.run({tensor({1, 4, 2, 2}, apart)})[0], {1, 1, 4, 4}, floats(counting({1, 1, 4, 4})));
  CaffeCase odd(oneLayer({1, 3, 2, 2}, "Reorg", "reorg_param { stride: 2 }"));
  EXPECT_THAT(failure(odd), HasSubstr("do not split into 2 x 2"));
}

std::string withRegions(const Shape& x, const Shape& rois, const std::string& type, const std::string& body) {
  std::string text = oneLayer(x, type, body), dims;
  for (auto extent : rois) dims += " dim: " + std::to_string(extent);
  text.insert(text.find(" top:"), " bottom: \"rois\"");
  return "input: \"rois\" input_shape {" + dims + " }\n" + text;
}

TEST(CaffePsRoiPooling, EveryBinHasChannelsOfItsOwn) {
  // Region 2, 0 .. 5, 1 of the image is 1 .. 3 x 0 .. 1 at half scale (the end is one past the last cell).
  const std::string body = "psroi_pooling_param { spatial_scale: 0.5 output_dim: 1 group_size: 2 }";
  for (const Shape& rois : {Shape{1, 5}, Shape{1, 5, 1, 1}}) {
    CaffeCase net(withRegions({1, 4, 2, 4}, rois, "PSROIPooling", body));
    const Graph graph = net.import();
    EXPECT_EQ(toString(graph.tensor(graph.outputs()[0]).shape), "1x1x2x2");
    const auto y = net.run({tensor(rois, {0, 2, 0, 5, 1}), counting({1, 4, 2, 4})})[0];
    // Columns [1, 2) and [2, 3), rows [0, 1) and [0, 1): bins of half a row are cut to the cell they touch.
    expectValues(y, {1, 1, 2, 2}, {1, 8 + 2, 16 + 1, 24 + 2});
  }
  CaffeCase wrong(withRegions({1, 5, 2, 4}, {1, 5}, "PSROIPooling", body));
  EXPECT_THAT(failure(wrong), HasSubstr("output_dim * group_size * group_size"));
  CaffeCase regions(withRegions({1, 4, 2, 4}, {1, 4}, "PSROIPooling", body));
  EXPECT_THAT(failure(regions), HasSubstr("are not R x 5"));
}

TEST(CaffeRoiPooling, EveryBinIsAMaximum) {
  const std::string body = "roi_pooling_param { spatial_scale: 0.5 pooled_h: 1 pooled_w: 2 }";
  // Region 2, 0 .. 6, 3 of the image is columns 1 to 3 and rows 0 to 2 (1.5 rounded): bins of 1.5 columns
  // share one.
  for (const Shape& rois : {Shape{1, 5}, Shape{1, 5, 1, 1}}) {
    CaffeCase net(withRegions({1, 2, 3, 4}, rois, "ROIPooling", body));
    expectValues(net.run({tensor(rois, {0, 2, 0, 6, 3}), counting({1, 2, 3, 4})})[0], {1, 2, 1, 2},
                 {10, 11, 22, 23});
  }
  CaffeCase zero(withRegions({1, 2, 3, 4}, {1, 5}, "ROIPooling", "roi_pooling_param { pooled_w: 2 }"));
  EXPECT_THAT(failure(zero), HasSubstr("layer 'layer' (ROIPooling): pooled_h is 0"));
}

/// The constant that a PriorBox over cells of an image becomes, as the network's only use of it shows.
HostTensor priors(const Shape& cells, const Shape& image, const std::string& parameters) {
  const auto dims = [](const Shape& shape) {
    std::string text;
    for (auto extent : shape) text += " dim: " + std::to_string(extent);
    return text;
  };
  CaffeCase net("input: \"cells\" input_shape {" + dims(cells) + " } input: \"image\" input_shape {" +
                dims(image) +
                " } layer { name: \"p\" type: \"PriorBox\" bottom: \"cells\" bottom: \"image\" top: \"p\" "
                "prior_box_param { " +
                parameters +
                " } } layer { name: \"f\" type: \"Reduction\" bottom: \"cells\" top: \"f\" } "
                "layer { name: \"s\" type: \"Scale\" bottom: \"p\" bottom: \"f\" top: \"s\" }");
  const Graph graph = net.import();
  for (const auto& known : graph.tensors())
    if (known.name == "p") return *known.constant;
  ADD_FAILURE() << "there is no constant p";
  return {};
}

TEST(CaffePriorBox, SizesRatiosAndVariances) {
  const auto one = priors({1, 8, 1, 1}, {1, 3, 100, 200}, "min_size: 20");
  expectValues(one, {1, 2, 4}, {0.45f, 0.4f, 0.55f, 0.6f, 0.1f, 0.1f, 0.1f, 0.1f});
  // Least size, its mean with the largest, then the ratios and what they are flipped; fractions of pixels are
  // cut.
  const auto all =
      priors({1, 8, 1, 1}, {1, 3, 100, 100},
             "min_size: 20.9 max_size: 45 aspect_ratio: 4 aspect_ratio: 1 variance: 0.1 variance: 0.2 "
             "variance: 0.3 variance: 0.4");
  expectValues(all, {1, 2, 16}, {0.4f,  0.4f,  0.6f, 0.6f,  0.35f, 0.35f, 0.65f, 0.65f, 0.3f, 0.45f, 0.7f,
                                 0.55f, 0.45f, 0.3f, 0.55f, 0.7f,  0.1f,  0.2f,  0.3f,  0.4f, 0.1f,  0.2f,
                                 0.3f,  0.4f,  0.1f, 0.2f,  0.3f,  0.4f,  0.1f,  0.2f,  0.3f, 0.4f});
  const auto plain =
      priors({1, 8, 1, 1}, {1, 3, 100, 100}, "min_size: 20 aspect_ratio: 4 flip: false variance: 0.5");
  expectValues(
      plain, {1, 2, 8},
      {0.4f, 0.4f, 0.6f, 0.6f, 0.3f, 0.45f, 0.7f, 0.55f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f});
}

TEST(CaffePriorBox, CellsStepsOffsetsAndClipping) {
  const auto cells = priors({2, 8, 1, 2}, {2, 3, 10, 20}, "min_size: 10");  // one set whatever the batch
  expectValues(cells, {1, 2, 8},
               {0, 0, 0.5f, 1, 0.5f, 0, 1, 1, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f});
  const auto moved =
      priors({1, 8, 1, 2}, {1, 3, 10, 20}, "min_size: 10 step_h: 4 step_w: 8 offset: 0 clip: true");
  expectValues(moved, {1, 2, 8},
               {0, 0, 0.25f, 0.5f, 0.15f, 0, 0.65f, 0.5f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f});
  const auto image = priors({1, 8, 1, 1}, {1, 3, 10, 20}, "min_size: 10 img_size: 40 step: 8");
  expectValues(image, {1, 2, 4}, {-0.025f, -0.025f, 0.225f, 0.225f, 0.1f, 0.1f, 0.1f, 0.1f});
}

std::string ssd(const std::string& parameters, int classes = 3) {
  const std::string scores = std::to_string(classes * 3);
  return "input: \"loc\" input_shape { dim: 1 dim: 12 } input: \"conf\" input_shape { dim: 1 dim: " + scores +
         " } input: \"prior\" input_shape { dim: 1 dim: 2 dim: 12 } "
         "layer { name: \"d\" type: \"DetectionOutput\" bottom: \"loc\" bottom: \"conf\" bottom: \"prior\" "
         "top: \"d\" "
         "detection_output_param { num_classes: " +
         std::to_string(classes) + " " + parameters + " } }";
}

const HostTensor kLocations(DataType::Float32, {1, 12});
// Priors 0 and 1 overlap by 0.6 of their union, 2 is far away.
const HostTensor kPriors = HostTensor::of<float>(
    {1, 2, 12}, {0,    0,    0.4f, 0.4f, 0.1f, 0,    0.5f, 0.4f, 0.6f, 0.6f, 1,    1,
                 0.1f, 0.1f, 0.2f, 0.2f, 0.1f, 0.1f, 0.2f, 0.2f, 0.1f, 0.1f, 0.2f, 0.2f});
// Per prior: background, class 1, class 2.
const HostTensor kScores =
    HostTensor::of<float>({1, 9}, {0.1f, 0.5f, 0.4f, 0.1f, 0.8f, 0.1f, 0.2f, 0.2f, 0.6f});

TEST(CaffeDetectionOutput, SuppressesPerClassAndGivesTheRowsThereAre) {
  CaffeCase net(ssd("nms_param { nms_threshold: 0.5 } confidence_threshold: 0.3 code_type: CENTER_SIZE"));
  const auto rows = net.run({kLocations, kScores, kPriors})[0];
  EXPECT_EQ(toString(rows.shape), "1x1x3x7");  // of 6 there could be
  const auto got = floats(rows);
  const std::vector<float> wanted = {0,    1, 0.8f, 0.1f, 0, 0.5f, 0.4f, 0, 2,    0.6f, 0.6f,
                                     0.6f, 1, 1,    0,    2, 0.4f, 0,    0, 0.4f, 0.4f};
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(got.at(i), wanted[i], 1e-6) << i;
  CaffeCase none(ssd("confidence_threshold: 0.9"));
  EXPECT_EQ(toString(none.run({kLocations, kScores, kPriors})[0].shape), "1x1x0x7");
}

TEST(CaffeDetectionOutput, TopKLooksAtFewerAndKeepTopKKeepsFewer) {
  CaffeCase one(ssd("nms_param { nms_threshold: 0.7 top_k: 1 }"));
  const auto best = floats(one.run({kLocations, kScores, kPriors})[0]);
  ASSERT_EQ(best.size(), 14u);
  EXPECT_EQ((std::vector<float>{best[1], best[2], best[8], best[9]}), (std::vector<float>{1, 0.8f, 2, 0.6f}));
  CaffeCase kept(ssd("nms_param { nms_threshold: 0.7 } keep_top_k: 2"));
  const auto two = floats(kept.run({kLocations, kScores, kPriors})[0]);
  ASSERT_EQ(two.size(), 14u);
  EXPECT_EQ((std::vector<float>{two[1], two[2], two[8], two[9]}), (std::vector<float>{1, 0.8f, 2, 0.6f}));
}

TEST(CaffeDetectionOutput, CodesOfBoxes) {
  HostTensor locations = kLocations;
  for (float& value : locations.as<float>()) value = 1;
  const struct {
    const char* parameters;
    std::vector<float> box;  // of prior 2: 0.6, 0.6, 1, 1
  } cases[] = {{"code_type: CORNER", {0.7f, 0.7f, 1.2f, 1.2f}},
               {"code_type: CORNER variance_encoded_in_target: true", {1.6f, 1.6f, 2, 2}},
               {"code_type: CORNER_SIZE", {0.64f, 0.64f, 1.08f, 1.08f}},
               {"code_type: CENTER_SIZE",
                {0.8f + 0.04f - 0.2f * 1.2214028f, 0.8f + 0.04f - 0.2f * 1.2214028f,
                 0.84f + 0.2f * 1.2214028f, 0.84f + 0.2f * 1.2214028f}}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.parameters);
    CaffeCase net(ssd(std::string("confidence_threshold: 0.55 background_label_id: 1 ") + c.parameters));
    const auto rows = floats(net.run({locations, kScores, kPriors})[0]);  // class 2 of prior 2 alone
    ASSERT_EQ(rows.size(), 7u);
    EXPECT_EQ(rows[1], 2);
    for (int k = 0; k < 4; ++k) EXPECT_NEAR(rows[3 + k], c.box[k], 1e-6);
  }
}

TEST(CaffeDetectionOutput, WhatDoesNotFitIsNamed) {
  const auto because = [](const std::string& parameters, int classes = 3) {
    CaffeCase net(ssd(parameters, classes));
    return failure(net);
  };
  EXPECT_THAT(because("top_k: 3 keep_top_k: 0"), HasSubstr("layer 'd' (DetectionOutput): keep_top_k is 0"));
  EXPECT_THAT(because("nms_param { top_k: -2 }"), HasSubstr("top_k"));
  EXPECT_THAT(because("nms_param { nms_threshold: -1 }"), HasSubstr("nms_threshold"));
  EXPECT_THAT(because("share_location: false"),
              HasSubstr("locations are not 4 of each of 3 priors and of each class"));
  EXPECT_THAT(because("", 1), HasSubstr("no class but the background"));
}

}  // namespace
}  // namespace tessera
