/// \file
/// Photos as network inputs, for tests of real models (built where OpenCV is).
#pragma once

#include <array>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "tessera/tensor.hpp"

namespace tessera::test {

/// A photo as 1x3xHxW floats in B, G, R order: pixels resized bilinearly, minus `mean`.
inline HostTensor planarImage(const std::filesystem::path& file, int height, int width,
                              std::array<float, 3> mean) {
  const cv::Mat photo = cv::imread(file.string(), cv::IMREAD_COLOR);
  if (photo.empty()) throw Error(ErrorCode::InvalidArgument, file.string() + " is no image");
  cv::Mat pixels, resized;
  photo.convertTo(pixels, CV_32FC3);
  cv::resize(pixels, resized, {width, height}, 0, 0, cv::INTER_LINEAR);
  HostTensor planar(DataType::Float32, {1, 3, height, width});
  auto out = planar.as<float>();
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        out[(c * height + y) * width + x] = resized.at<cv::Vec3f>(y, x)[c] - mean[c];
  return planar;
}

}  // namespace tessera::test
