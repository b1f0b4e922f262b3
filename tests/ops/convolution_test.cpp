// Convolution and Deconvolution: references and geometry against values worked out by hand.
#include <gtest/gtest.h>

#include "ops/geometry.hpp"
#include "tests/ops/run_operator.hpp"

namespace tessera {
namespace {

using List = std::vector<std::int64_t>;
using test::runOperator;

HostTensor iota(Shape shape) {
  HostTensor t(DataType::Float32, std::move(shape));
  for (std::int64_t i = 0; i < t.size(); ++i) t.setNumber(i, static_cast<double>(i + 1));
  return t;
}
HostTensor floatsOf(Shape shape, const std::vector<float>& values) {
  return HostTensor::of<float>(shape, values);
}

TEST(Convolution, SlidesWithoutFlipping) {
  const auto y = runOperator("Convolution", {}, {iota({1, 1, 3, 3}), floatsOf({1, 1, 2, 2}, {1, 0, 0, 2})});
  EXPECT_EQ(y[0], floatsOf({1, 1, 2, 2}, {1 + 10, 2 + 12, 4 + 16, 5 + 18}));
}

TEST(Convolution, PadsStridesAndDilatesPerAxis) {
  // Row of 5; window of two cells three apart; one cell of padding before, two after; stride 2.
  const auto y =
      runOperator("Convolution", {{"pads", List{1, 2}}, {"strides", List{2}}, {"dilations", List{3}}},
                  {floatsOf({1, 1, 5}, {1, 2, 3, 4, 5}), floatsOf({1, 1, 2}, {10, 1})});
  EXPECT_EQ(y[0], floatsOf({1, 1, 3}, {0 + 3, 20 + 5, 40 + 0}));
}

TEST(Convolution, GroupsSeeTheirOwnChannels) {
  const auto y = runOperator(
      "Convolution", {{"group", 2}},
      {floatsOf({1, 4, 1}, {1, 2, 3, 4}), floatsOf({2, 2, 1}, {1, 10, 1, 10}), floatsOf({2}, {0.5, -0.5})});
  EXPECT_EQ(y[0], floatsOf({1, 2, 1}, {21.5, 42.5}));
}

TEST(Convolution, AddsResidualBeforeTheActivation) {
  const std::vector<HostTensor> inputs = {floatsOf({1, 1, 2}, {1, -1}), floatsOf({2, 1, 1}, {2, 3}),
                                          floatsOf({2}, {1, 0}), floatsOf({1, 2, 2}, {-4, 0, 0, 4}),
                                          floatsOf({2}, {0.5, 0.25})};
  const auto y = runOperator("Convolution", {{"activation", std::string("PRelu")}}, inputs);
  EXPECT_EQ(y[0], floatsOf({1, 2, 2}, {-0.5, -0.5, 3, 1}));
}

TEST(Convolution, RefusesWhatDoesNotFit) {
  const auto refused = [](Attributes attrs, Shape x, Shape weights) {
    try {
      operatorNamed("Convolution").infer(attrs, std::vector{f32(x), f32(weights)});
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(refused({}, {1, 3, 8, 8}, {4, 2, 3, 3}).find("want 2 channels"), std::string::npos);
  EXPECT_NE(refused({{"group", 2}}, {1, 3, 8, 8}, {4, 1, 3, 3}).find("groups"), std::string::npos);
  EXPECT_NE(refused({}, {1, 3, 2, 8}, {4, 3, 3, 3}).find("spans 3 cells"), std::string::npos);
  EXPECT_NE(refused({{"pads", List{1, 1}}}, {1, 3, 8, 8}, {4, 3, 3, 3}).find("pads has 2"),
            std::string::npos);
  EXPECT_NE(refused({{"activation", std::string("Exp")}}, {1, 3, 8, 8}, {4, 3, 3, 3}).find("Exp"),
            std::string::npos);
  EXPECT_NE(refused({{"activation", std::string("PRelu")}}, {1, 3, 8, 8}, {4, 3, 3, 3}).find("slope"),
            std::string::npos);
}

TEST(Deconvolution, ScattersEachInputCell) {
  const auto y = runOperator("Deconvolution", {{"strides", List{2}}},
                             {floatsOf({1, 1, 3}, {1, 2, 3}), floatsOf({1, 1, 3}, {1, 10, 100})});
  EXPECT_EQ(y[0], floatsOf({1, 1, 7}, {1, 10, 102, 20, 203, 30, 300}));
}

TEST(Deconvolution, CropsByPadsAndAddsOutputPadding) {
  const auto y =
      runOperator("Deconvolution", {{"strides", List{2}}, {"pads", List{1, 2}}, {"output_padding", List{1}}},
                  {floatsOf({1, 1, 3}, {1, 2, 3}), floatsOf({1, 1, 3}, {1, 10, 100})});
  EXPECT_EQ(y[0], floatsOf({1, 1, 5}, {10, 102, 20, 203, 30}));
}

TEST(Deconvolution, WeightsAreInputChannelsByGroupOutputs) {
  // Two groups of one input channel, each feeding two outputs.
  const auto y = runOperator(
      "Deconvolution", {{"group", 2}},
      {floatsOf({1, 2, 1}, {1, 10}), floatsOf({2, 2, 1}, {1, 2, 3, 4}), floatsOf({4}, {0, 0, 0, 1})});
  EXPECT_EQ(y[0], floatsOf({1, 4, 1}, {1, 2, 30, 41}));
}

TEST(Window, SizesOfFcn8s) {
  EXPECT_EQ(deconvolutionWindow({{"strides", List{8, 8}}, {"pads", List{4, 4, 4, 4}}}, {1, 19, 64, 128},
                                {19, 19, 16, 16})
                .outputShape(),
            (Shape{1, 19, 512, 1024}));
  const Window w = convolutionWindow({{"pads", List{3, 3, 3, 3}}}, {1, 512, 16, 32}, {4096, 512, 7, 7});
  EXPECT_EQ(w.outputShape(), (Shape{1, 4096, 16, 32}));
  EXPECT_EQ(w.in, (Extents{1, 16, 32}));
  EXPECT_EQ(w.kernel, (Extents{1, 7, 7}));
  EXPECT_FALSE(w.pointwise());
}

TEST(Window, CeilModePoolingBeginsInsideTheInputOrItsLeadingPad) {
  const auto out = [](std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
    return poolWindow({{"kernel", List{kernel}},
                       {"strides", List{stride}},
                       {"pads", List{pad, pad}},
                       {"ceil_mode", 1}},
                      {1, 1, in})
        .out[2];
  };
  EXPECT_EQ(out(5, 2, 2, 0), 3);  // the last window holds one cell
  EXPECT_EQ(out(4, 2, 2, 0), 2);
  EXPECT_EQ(out(4, 1, 3, 0), 2);
  EXPECT_EQ(out(2, 3, 3, 1), 1);  // a second window would begin in the trailing pad
  EXPECT_EQ(out(6, 3, 2, 1), 4);
}

}  // namespace
}  // namespace tessera
