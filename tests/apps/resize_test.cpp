// How images become inputs, beside OpenCV's resize.
#include <gtest/gtest.h>

#include <cmath>
#include <opencv2/imgproc.hpp>

#include "ops/image.hpp"

namespace tessera {
namespace {

// Random pixels, some of them alike.
cv::Mat picture(int height, int width) {
  cv::Mat image(height, width, CV_8UC3);
  cv::RNG random(static_cast<std::uint64_t>(height * 1000 + width));
  random.fill(image, cv::RNG::UNIFORM, 0, 256);
  cv::rectangle(image, {width / 4, height / 4}, {width / 2, height / 2}, {255, 255, 255}, cv::FILLED);
  return image;
}

// As the definition of the operator computes it; kernels are held against that elsewhere.
cv::Mat resized(const cv::Mat& image, ImagePreprocess how) {
  how.channelsLast = true;
  HostTensor pixels(DataType::UInt8, {1, image.rows, image.cols, 3});
  std::copy_n(reinterpret_cast<const std::byte*>(image.data), pixels.data.size(), pixels.data.begin());
  const Operator& op = operatorNamed("ImagePreprocess");
  OpView view{"ImagePreprocess", how.attributes(), {{DataType::UInt8, pixels.shape, {}}}, {}};
  view.outputs = op.infer(view.attrs, view.inputs);
  std::vector<HostTensor> outputs{HostTensor(view.outputs[0].type, view.outputs[0].shape)};
  const std::vector<HostTensor> inputs{std::move(pixels)};
  op.reference(view, inputs, outputs);
  cv::Mat made(static_cast<int>(how.height), static_cast<int>(how.width), CV_32FC3);
  std::copy_n(outputs[0].data.begin(), outputs[0].data.size(), reinterpret_cast<std::byte*>(made.data));
  return made;
}

const cv::Size kSizes[] = {{23, 17}, {60, 11}, {9, 50}, {80, 90}, {46, 34}, {30, 40}};  // of 46 x 34

TEST(Resize, AreaIsOpencvs) {
  const cv::Mat image = picture(34, 46);
  for (const cv::Size size : kSizes) {
    cv::Mat floats, wanted;
    image.convertTo(floats, CV_32F);
    cv::resize(floats, wanted, size, 0, 0, cv::INTER_AREA);
    EXPECT_LT(cv::norm(resized(image, {size.height, size.width, ResizeMode::Area}), wanted, cv::NORM_INF),
              2e-3)
        << size;
  }
}

TEST(Resize, LinearIsOpencvs) {
  const cv::Mat image = picture(34, 46);
  for (const cv::Size size : kSizes) {
    cv::Mat floats, wanted;
    image.convertTo(floats, CV_32F);
    cv::resize(floats, wanted, size, 0, 0, cv::INTER_LINEAR);
    EXPECT_LT(cv::norm(resized(image, {size.height, size.width}), wanted, cv::NORM_INF), 2e-3) << size;
  }
}

// Values of 8 bits that are others than OpenCV's, as a share; none by more than one.
double shareOff(ResizeMode mode, int interpolation) {
  int pixels = 0, different = 0;
  for (const auto& [rows, columns] : {std::pair{34, 46}, std::pair{120, 77}})
    for (const cv::Size size : kSizes) {
      const cv::Mat image = picture(rows, columns);
      cv::Mat bytes, wanted;
      cv::resize(image, bytes, size, 0, 0, interpolation);
      bytes.convertTo(wanted, CV_32F);
      ImagePreprocess how{size.height, size.width, mode};
      how.rounded = true;
      const cv::Mat made = resized(image, how);
      EXPECT_LE(cv::norm(made, wanted, cv::NORM_INF), 1) << size;
      cv::Mat off;
      cv::compare(made.reshape(1), wanted.reshape(1), off, cv::CMP_NE);
      different += cv::countNonZero(off);
      pixels += static_cast<int>(off.total());
    }
  return static_cast<double>(different) / pixels;
}

// OpenCV's own arithmetic, whose weights are rounded differently once in some thousand pixels.
TEST(Resize, RoundedIsOpencvsOfBytes) {
  EXPECT_LT(shareOff(ResizeMode::Linear, cv::INTER_LINEAR), 0.002);
  EXPECT_LT(shareOff(ResizeMode::Area, cv::INTER_AREA), 0.002);
}

TEST(Resize, OthersAreRoundedInTheEnd) {
  const cv::Mat image = picture(34, 46);
  for (const ResizeMode mode : {ResizeMode::Area, ResizeMode::Antialiased})
    for (const cv::Size size : kSizes) {
      ImagePreprocess how{size.height, size.width, mode};
      const cv::Mat exact = resized(image, how);
      how.rounded = true;
      const cv::Mat whole = resized(image, how);
      // Where an area grows, it is computed of bytes.
      const bool ofBytes = mode == ResizeMode::Area && (size.height > image.rows || size.width > image.cols);
      EXPECT_LE(cv::norm(exact, whole, cv::NORM_INF), ofBytes ? 1 : 0.5001) << size;
      for (int i = 0; i < whole.rows * whole.cols * 3; ++i) {
        const float value = whole.ptr<float>()[i];
        ASSERT_EQ(value, std::rint(value));
      }
    }
}

}  // namespace
}  // namespace tessera
